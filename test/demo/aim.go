package demo

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/drover-dev/drover/test/demo/screen"
	"github.com/drover-dev/drover/test/testenv"
)

// patience is how long anything is waited for. All of it takes seconds at most; a machine may be busy.
const patience = 90 * time.Second

// aim is a state that an object is to come to.
type aim struct {
	ref   testenv.Ref
	what  string                      // the state, in words
	met   func(testenv.Object) bool   // nil stands for no object
	shows func(testenv.Object) string // what is there, in the same words
}

// disappointment is a state that was waited for and did not come.
type disappointment struct{ where, expected, seen string }

// Error says what was expected and what was seen instead.
func (d *disappointment) Error() string {
	return fmt.Sprintf("%s\nexpected: %s\nseen:     %s", d.where, d.expected, d.seen)
}

// image is a Deployment that asks for an image.
func image(ref testenv.Ref, want string) aim {
	shows := func(o testenv.Object) string {
		return "image " + firstContainer(o).Text("image")
	}
	return aim{ref, "image " + want, func(o testenv.Object) bool { return firstContainer(o).Text("image") == want }, shows}
}

func firstContainer(o testenv.Object) testenv.Object {
	if c := o.Items("spec", "template", "spec", "containers"); len(c) > 0 {
		return c[0]
	}
	return nil
}

// replicas is a Deployment that asks for so many pods.
func replicas(ref testenv.Ref, want int) aim {
	return aim{ref, fmt.Sprintf("%d replicas", want),
		func(o testenv.Object) bool { return o != nil && o.Number("spec", "replicas") == want },
		func(o testenv.Object) string {
			return fmt.Sprintf("%d replicas", o.Number("spec", "replicas"))
		}}
}

// rolledOut is a Deployment of which so many pods are ready, all of them of an image.
func rolledOut(ref testenv.Ref, img string, pods int) aim {
	return aim{ref, fmt.Sprintf("%d pods of %s ready", pods, img),
		func(o testenv.Object) bool {
			return firstContainer(o).Text("image") == img && o.Number("spec", "replicas") == pods && testenv.Available(o) && o.Condition("Available")
		},
		func(o testenv.Object) string {
			return fmt.Sprintf("%d of %d pods ready, %d updated, image %s", o.Number("status", "readyReplicas"), o.Number("spec", "replicas"),
				o.Number("status", "updatedReplicas"), firstContainer(o).Text("image"))
		}}
}

// entry is a ConfigMap with a value.
func entry(ref testenv.Ref, key, want string) aim {
	return aim{ref, fmt.Sprintf("%s: %s", key, want), func(o testenv.Object) bool { return o.Text("data", key) == want },
		func(o testenv.Object) string { return fmt.Sprintf("%s: %s", key, o.Text("data", key)) }}
}

// present is an object that is there, gone one that is not.
func present(ref testenv.Ref) aim { return aim{ref, "there", testenv.Exists, state} }
func gone(ref testenv.Ref) aim    { return aim{ref, "gone", testenv.Gone, state} }

func state(o testenv.Object) string {
	if o.Text("metadata", "deletionTimestamp") != "" {
		return "being deleted"
	}
	return "there"
}

// after is an aim that counts only from the moment that another was met: that of an object that strayed and came back.
func after(first, then aim) aim {
	met := false
	return aim{then.ref, then.what + ", after " + first.what, func(o testenv.Object) bool {
		if !met {
			met = first.met(o)
			return false
		}
		return then.met(o)
	}, func(o testenv.Object) string {
		if !met {
			return "never " + first.what
		}
		return then.shows(o)
	}}
}

// lookout waits for an aim at a cluster's API server, by a watch.
type lookout struct {
	done chan struct{}
	at   time.Time
	err  error
}

// look waits for a in the background. It returns when it has had a first look, so nothing that happens from then on can
// be missed.
func (c *cluster) look(ctx context.Context, a aim) *lookout {
	l := &lookout{done: make(chan struct{})}
	looked := make(chan struct{})
	first := sync.OnceFunc(func() { close(looked) })
	go func() {
		defer close(l.done)
		defer first()
		within, cancel := context.WithTimeout(ctx, patience)
		defer cancel()
		seen := "not there"
		err := c.kube().Wait(within, a.ref, a.what, func(o testenv.Object) bool {
			defer first()
			if seen = "not there"; o != nil {
				seen = a.shows(o)
			}
			l.at = time.Now()
			return a.met(o)
		})
		switch {
		case err == nil:
		case ctx.Err() != nil:
			l.err = context.Cause(ctx)
		case within.Err() != nil:
			l.err = &disappointment{fmt.Sprintf("%s, %s, after %s", c.name, a.ref, screen.Duration(patience)), a.what, seen}
		default:
			l.err = err
		}
	}()
	<-looked
	return l
}

// wait waits until all aims are met, and says when the last was.
func (c *cluster) wait(ctx context.Context, aims ...aim) (time.Time, error) {
	var all []*lookout
	for _, a := range aims {
		all = append(all, c.look(ctx, a))
	}
	return last(all)
}

// last says when the last of several was met.
func last(all []*lookout) (at time.Time, err error) {
	for _, l := range all {
		<-l.done
		if l.err != nil {
			return at, l.err
		}
		if l.at.After(at) {
			at = l.at
		}
	}
	return at, nil
}

// until asks again and again until the answer is yes. What answer says beside a no is what was seen.
func until(ctx context.Context, what string, answer func() (yes bool, seen string)) error {
	within, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		yes, seen := answer()
		if yes {
			return nil
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-within.Done():
			return &disappointment{"after " + screen.Duration(patience), what, strings.TrimSpace(seen)}
		case <-tick.C:
		}
	}
}
