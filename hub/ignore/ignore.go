package ignore

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/hub/model"
	"github.com/drover-dev/drover/protocol"
)

// What the rules of one app may take. They are far above what repositories have: a bundle, which carries what comes of
// them, may have 8 MiB.
const (
	maxRules   = 500
	maxFields  = 10_000           // pointers and managers that come of all rules
	maxTime    = 10 * time.Second // for all expressions over all objects
	maxExpr    = 4 << 10          // bytes of an expression, or of a pointer
	maxOutputs = 1000             // paths that an expression gives for one object
)

var _ model.Ignore = Made

// Made implements model.Ignore. An error says which rule cannot be used, and why; running out of time is a
// *model.TransientError, because the machine may be busy.
func Made(ctx context.Context, rules []model.IgnoreRule, namespace string, objects []model.Rendered) ([]protocol.Ignored, []fleet.Note, error) {
	compiled, notes, err := compile(rules)
	if err != nil {
		return nil, nil, err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, maxTime, errTime)
	defer cancel()
	var out []protocol.Ignored
	fields := 0
	for _, o := range objects {
		s, err := read(o, namespace)
		if err != nil {
			return nil, nil, err
		}
		for i, r := range compiled {
			if err := r.apply(ctx, &s); err != nil {
				return nil, nil, during(ctx, i, err)
			}
		}
		made := s.ignored()
		if fields += len(made.Paths) + len(made.Managers); fields > maxFields {
			return nil, nil, fmt.Errorf("the ignore rules mean more than %d fields: name fewer objects in their targets, or split the app", maxFields)
		}
		if len(made.Paths)+len(made.Managers) > 0 {
			out = append(out, made)
		}
	}
	return out, notes, nil
}

var errTime = errors.New("the time for ignore rules is over")

// during places what went wrong with a rule, counted from 0.
func during(ctx context.Context, i int, err error) error {
	if errors.Is(context.Cause(ctx), errTime) {
		return &model.TransientError{Err: fmt.Errorf("ignore rule %d: the rules took more than %s: write simpler expressions, or name fewer objects in the targets", i+1, maxTime)}
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return fmt.Errorf("ignore rule %d: %w", i+1, err)
}

// subject is one object while rules are applied to it.
type subject struct {
	ref       protocol.ObjectRef // as the object has it
	version   string
	namespace string // in which it will be
	labels    map[string]string
	notes     map[string]string // annotations
	object    map[string]any    // whole numbers are int, others float64
	paths     map[string]bool
	managers  map[string]bool
}

// read decodes an object.
func read(o model.Rendered, namespace string) (subject, error) {
	dec := json.NewDecoder(bytes.NewReader(o.JSON))
	dec.UseNumber()
	var object map[string]any
	if err := dec.Decode(&object); err != nil {
		return subject{}, fmt.Errorf("%s: an object that cannot be read: %w", o.File, err)
	}
	object, _ = plain(object).(map[string]any)
	s := subject{ref: fleet.RefOf(object), object: object, paths: map[string]bool{}, managers: map[string]bool{}}
	apiVersion, _ := object["apiVersion"].(string)
	s.version = strings.TrimPrefix(apiVersion[len(s.ref.Group):], "/")
	s.namespace = model.Claimed(s.ref, namespace).Namespace
	meta, _ := object["metadata"].(map[string]any)
	s.labels, s.notes = texts(meta["labels"]), texts(meta["annotations"])
	return s, nil
}

// plain turns numbers into what both gojq and cel-go take.
func plain(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for k, item := range v {
			v[k] = plain(item)
		}
	case []any:
		for i, item := range v {
			v[i] = plain(item)
		}
	case json.Number:
		if n, err := v.Int64(); err == nil {
			return int(n)
		}
		f, _ := v.Float64() // out of range it is infinite, which is near enough for a comparison
		return f
	}
	return v
}

func texts(v any) map[string]string {
	out := map[string]string{}
	m, _ := v.(map[string]any)
	for k, item := range m {
		out[k], _ = item.(string)
	}
	return out
}

// ignored is what came of all rules for the object.
func (s *subject) ignored() protocol.Ignored {
	return protocol.Ignored{Object: s.ref, Paths: sorted(s.paths), Managers: sorted(s.managers)}
}

func sorted(set map[string]bool) []string {
	if len(set) == 0 {
		return nil
	}
	return slices.Sorted(maps.Keys(set))
}
