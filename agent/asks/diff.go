package asks

import (
	"context"
	"fmt"
	"strings"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/protocol"
)

// maxErrors is how many objects in a row may fail before the rest is not tried: the API server is away.
const maxErrors = 20

// diff answers with what applying the desired state would change now, of one app or of all.
func (d *answers) diff(ctx context.Context, q protocol.Question, w *writer) error {
	names := []string{q.App}
	if q.App == "" {
		names = d.apps.Names()
	}
	for _, app := range names {
		wishes, err := d.wishes(app, true)
		if err == nil {
			err = d.diffApp(ctx, app, wishes, w)
		} else if q.App == "" { // one app without known content does not stop the others
			err = w.line(protocol.ObjectDiff{App: app, Change: protocol.DiffFailed, Message: brief(err.Error())})
		}
		if err != nil {
			return err
		}
		if err := w.Flush(); err != nil {
			return err
		}
	}
	return nil
}

// diffApp compares the objects of one app, and sums them up.
func (d *answers) diffApp(ctx context.Context, app string, wishes []agent.Wish, w *writer) error {
	same, failed := 0, 0
	for _, wish := range wishes {
		out, err := d.compare(ctx, wish)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if failed++; err == nil {
			failed = 0
		}
		if err != nil {
			_, text := reasoned(d.namespace, err, nil)
			out = protocol.ObjectDiff{Change: protocol.DiffFailed, Message: brief(text)}
		}
		if out.Change == protocol.DiffSame {
			same++
			continue
		}
		out.App, out.Object = app, wish.Ref
		if err := w.line(out); err != nil {
			return err
		}
		if failed == maxErrors {
			return fmt.Errorf("%d objects in a row could not be compared, the last because: %w", failed, err)
		}
	}
	return w.line(protocol.ObjectDiff{App: app, Change: protocol.DiffSame, Same: same})
}

// compare says what applying one object would change.
func (d *answers) compare(ctx context.Context, wish agent.Wish) (out protocol.ObjectDiff, err error) {
	if wish.Gone {
		out.Change, out.Message = protocol.DiffDelete, "Git does not have it any more"
		return out, nil
	}
	res, err := d.reader.Resolve(ctx, wish.APIVersion, wish.Ref.Kind)
	if err != nil {
		return out, err
	}
	if !res.Namespaced {
		wish.Ref.Namespace = ""
	}
	if err := d.may(wish.Ref); err != nil {
		return out, err
	}
	raw, err := d.reader.Read(ctx, res, wish.Ref)
	if agent.ReasonOf(err) == agent.ReasonMissing || agent.ReasonOf(err) == agent.ReasonNamespace {
		out.Change, out.Message = protocol.DiffCreate, "it is not in the cluster"
		return out, nil
	}
	if err != nil {
		return out, err
	}
	if wish.Once {
		out.Change = protocol.DiffSame
		return out, nil
	}
	live, err := decode(raw)
	if err != nil {
		return out, err
	}
	if raw, err = d.reader.Would(ctx, res, wish); err != nil {
		return out, err
	}
	desired, err := decode(raw)
	if err != nil {
		return out, err
	}
	strip(live)
	strip(desired)
	f := finder{hide: isSecret(res) || wish.Access.Secret, left: wish.Patch.Leave.Paths}
	f.values("", live, desired)
	if len(f.found) == 0 {
		out.Change = protocol.DiffSame
		return out, nil
	}
	out.Change, out.Fields, out.More = protocol.DiffChange, f.found, f.more
	return out, nil
}

// strip takes out what the API server itself writes whenever an object changes, and what is no part of a desired state.
func strip(o object) {
	delete(o, "status")
	if meta, ok := o["metadata"].(object); ok {
		for _, f := range [...]string{"managedFields", "resourceVersion", "generation", "uid", "creationTimestamp",
			"selfLink"} {
			delete(meta, f)
		}
	}
}

// pointer escapes a key as a part of a JSON pointer.
func pointer(key string) string {
	return "/" + strings.NewReplacer("~", "~0", "/", "~1").Replace(key)
}
