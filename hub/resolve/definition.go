package resolve

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/hub/claim"
	"github.com/drover-dev/drover/hub/model"
	"github.com/drover-dev/drover/hub/record"
	"github.com/drover-dev/drover/protocol"
)

// shareDefinitions lets one app deliver the definitions that several charts of a cluster carry in their crds/: the
// same chart twice, or two that bring the same dependency. Helm creates such a definition when it is not there,
// whoever brings it, and so no two releases are in each other's way. Of apps that are trusted alike it stays with
// the one that had it; if none had, a folder is preferred to charts, and the first name to others.
func shareDefinitions(r *Resolver, ctx context.Context, snap model.Snapshot, res *Resolution, last []protocol.App) error {
	claimants := map[protocol.ObjectRef][]int{}
	for i, a := range res.Apps {
		for _, ref := range a.Refs {
			if ref.Group == "apiextensions.k8s.io" && ref.Kind == "CustomResourceDefinition" {
				claimants[ref] = append(claimants[ref], i)
			}
		}
	}
	s := newSharing(r, res, last)
	yields := map[int][]protocol.ObjectRef{}
	for ref, apps := range claimants {
		if len(apps) < 2 {
			continue
		}
		var claims []claim.Claim
		for _, i := range apps {
			a := res.Apps[i].App
			claims = append(claims, claim.Claim{App: i, Party: party(a), Had: s.had(a, ref), Waits: order(a), Form: "crds"})
		}
		ruling := claim.Decide(claims)
		for _, c := range slices.Concat(ruling.Share, ruling.Lose) {
			yields[c.App] = append(yields[c.App], ref)
		}
	}
	for i, refs := range yields {
		slices.SortFunc(refs, protocol.ObjectRef.Compare)
		if err := yield(r, ctx, snap, &res.Apps[i], refs); err != nil {
			return err
		}
	}
	return nil
}

// order puts folders before charts.
func order(a model.App) int {
	if a.Charts() {
		return 1
	}
	return 0
}

// yield takes definitions out of an app that others deliver. Those that do not come from a chart's crds/ stay, and
// are claimed by both.
func yield(r *Resolver, ctx context.Context, snap model.Snapshot, a *AppResult, refs []protocol.ObjectRef) error {
	return without(r, ctx, snap, a, "yield", refs, func(i int, o model.Rendered) bool {
		return slices.Contains(refs, a.Refs[i]) && ofChart(o)
	})
}

// without takes objects out of an app: those that drop names, by their place in the app. What it decides by is refs and
// the app alone.
func without(r *Resolver, ctx context.Context, snap model.Snapshot, a *AppResult, question string, refs []protocol.ObjectRef,
	drop func(int, model.Rendered) bool) error {
	return rewrite(r, ctx, snap, a, question, refs, func(i int, o model.Rendered) ([]model.Rendered, error) {
		if drop(i, o) {
			return nil, nil
		}
		return []model.Rendered{o}, nil
	})
}

// rewrite replaces the objects of an app, each by what change makes of it, by its place in the app. What it decides by is
// refs and the app alone.
func rewrite(r *Resolver, ctx context.Context, snap model.Snapshot, a *AppResult, question string, refs []protocol.ObjectRef,
	change func(int, model.Rendered) ([]model.Rendered, error)) error {
	key := memoKey(question, struct {
		Digest string
		Refs   []protocol.ObjectRef
		Sealed string `json:",omitempty"`
	}{a.Ref.Digest, refs, a.sealedTo()})
	rest, err := r.memo.do(ctx, snap, key, func(*record.Recorder) (Render, []model.Packed, error) {
		objects, err := r.Objects(*a.Ref)
		var out []model.Rendered
		for i := 0; i < len(objects) && err == nil; i++ {
			var more []model.Rendered
			more, err = change(i, objects[i])
			out = append(out, more...)
		}
		if err != nil {
			return Render{}, nil, err
		}
		return packFor(r, a.sealedTo(), out)
	})
	if err != nil {
		return err
	}
	if rest.Err != "" {
		return fmt.Errorf("app %s: %s", a.App.Name, rest.Err)
	}
	a.Ref, a.Refs = &rest.Ref, rest.Refs
	return nil
}

// ofChart says whether an object lies in a chart's crds/: nothing else that a chart delivers is marked so by whoever
// renders it.
func ofChart(o model.Rendered) bool {
	var head struct {
		Metadata struct{ Annotations map[string]any }
	}
	return json.Unmarshal(o.JSON, &head) == nil && head.Metadata.Annotations[fleet.AnnotationPrune] == any(fleet.PruneDisabled)
}
