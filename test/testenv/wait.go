package testenv

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/url"
	"time"
)

// Exists is the condition of Wait that the object is there.
func Exists(o Object) bool { return o != nil }

// Gone is the condition of Wait that the object is not there.
func Gone(o Object) bool { return o == nil }

// Available is the condition of Wait that a workload has all the ready pods that its newest specification asks for.
func Available(o Object) bool {
	if o == nil || o.Number("status", "observedGeneration") < o.Number("metadata", "generation") {
		return false
	}
	want, updated := o.Number("spec", "replicas"), o.Number("status", "updatedReplicas")
	ready := o.Number("status", "readyReplicas")
	if o.Text("kind") == "DaemonSet" {
		want, updated = o.Number("status", "desiredNumberScheduled"), o.Number("status", "updatedNumberScheduled")
		ready = o.Number("status", "numberReady")
	}
	return ready == want && updated == want
}

// Wait returns once cond holds for the object that ref names (nil while there is none), or with an error that shows the
// object when ctx ends. what names the condition in it. It watches, so waiting costs the API server two
// requests, and not one for every look. Without a deadline in ctx it waits for three minutes.
func (k *Kube) Wait(ctx context.Context, ref Ref, what string, cond func(Object) bool) error {
	if _, ok := ctx.Deadline(); !ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, 3*time.Minute)
		defer cancel()
	}
	var last Object
	var trouble error
	err := poll(ctx, 100*time.Millisecond, func() (done bool, err error) {
		done, trouble = k.waitOnce(ctx, ref, cond, &last)
		return done, nil
	})
	if err == nil {
		return nil
	}
	if trouble != nil && !errors.Is(trouble, context.DeadlineExceeded) {
		err = fmt.Errorf("%w (%v)", err, trouble)
	}
	state := "absent"
	if last != nil {
		state = last.String()
	}
	return fmt.Errorf("waited for %s: %s: %w; it is %s", ref, what, err, state)
}

// waitOnce looks at the object and then watches it until cond holds or the watch ends.
func (k *Kube) waitOnce(ctx context.Context, ref Ref, cond func(Object) bool, last *Object) (bool, error) {
	query := url.Values{"fieldSelector": {"metadata.name=" + ref.Name}}
	collection := ref
	collection.Name = ""
	list, err := k.object(ctx, "GET", collection, query, nil, "")
	if err != nil {
		return false, err
	}
	*last = nil
	if items := list.Items("items"); len(items) > 0 {
		*last = items[0]
		(*last)["apiVersion"], (*last)["kind"] = ref.APIVersion, ref.Kind // lists leave them out
	}
	if cond(*last) {
		return true, nil
	}
	query.Set("resourceVersion", list.Text("metadata", "resourceVersion"))
	met := errors.New("met")
	err = k.watch(ctx, collection, query, func(event string, o Object) error {
		if *last = o; event == "DELETED" {
			*last = nil
		}
		if cond(*last) {
			return met
		}
		return nil
	})
	if errors.Is(err, met) {
		return true, nil
	}
	return false, err
}

// watch calls f with each event of a collection until f returns an error, the API server ends the watch, or ctx ends.
func (k *Kube) watch(ctx context.Context, collection Ref, query url.Values, f func(event string, o Object) error) error {
	path, err := k.path(ctx, collection)
	if err != nil {
		return err
	}
	asked := url.Values{"watch": {"true"}}
	maps.Copy(asked, query)
	body, err := k.do(ctx, "GET", path, asked, nil, "")
	if err != nil {
		return err
	}
	defer body.Close()
	events := json.NewDecoder(body)
	for {
		var event struct {
			Type   string
			Object Object
		}
		if err := events.Decode(&event); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return fmt.Errorf("watch %s: %w", path, err)
		}
		switch event.Type {
		case "ERROR":
			return fmt.Errorf("watch %s: %s", path, event.Object.Text("message"))
		case "BOOKMARK":
			continue
		}
		if err := f(event.Type, event.Object); err != nil {
			return err
		}
	}
}
