package soak

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/drover-dev/drover/test/testenv"
)

// errSkip is returned by an operation that finds nothing to do.
var errSkip = errors.New("nothing to do")

// op is one thing that the soak does. What it draws comes from r, so that the same seed does the same.
type op struct {
	name   string
	weight int
	calm   bool // it needs a repository without a slip
	run    func(ctx context.Context, s *soak, r *rand.Rand) error
}

// edit is an operation that changes the world and commits it.
func edit(name string, weight int, calm bool, do func(s *soak, r *rand.Rand) error) op {
	return op{name, weight, calm, func(_ context.Context, s *soak, r *rand.Rand) error {
		if err := do(s, r); err != nil {
			return err
		}
		return s.commit(name)
	}}
}

// commits are the operations that are ordinary commits.
func commits() []op {
	return []op{
		edit("add-objects", 8, false, addObjects),
		edit("change-objects", 8, false, changeObjects),
		edit("remove-object", 8, false, removeObject),
		edit("move-object", 6, false, moveObject),
		edit("add-app", 4, true, addApp),
		edit("remove-app", 3, true, removeApp),
		edit("rename-folder", 3, true, renameFolder),
		edit("rename-app", 4, true, renameApp),
		edit("replace-hashed", 3, true, replaceHashed),
		{"add-job", 4, true, addJob},
		edit("remove-jobs", 2, true, removeJobs),
		edit("secret-key", 4, false, secretKey),
		edit("add-guest-namespace", 3, true, addGuest),
		{"guest-namespace-removed", 4, true, removeGuest},
		{"burst", 5, false, burst},
		{"revert-last", 4, true, revertLast},
		{"force-push-back", 4, true, forceBack},
		{"frozen-unreadable-lost-store", 2, true, frozenUnreadable},
	}
}

// choose draws an app that fits, never the one that the present slip hits.
func (s *soak) choose(r *rand.Rand, fits func(a *App) bool) (*App, error) {
	var all []*App
	for _, name := range sorted(s.world.Apps) {
		a := s.world.Apps[name]
		if (s.slip == nil || s.slip.target.App != name) && fits(a) {
			all = append(all, a)
		}
	}
	if len(all) == 0 {
		return nil, errSkip
	}
	return all[r.IntN(len(all))], nil
}

// light says whether an object may leave without weighing more than others.
func light(r Ref) bool {
	return r.Kind == "ConfigMap" || r.Kind == "Secret" || r.Kind == "ServiceAccount"
}

// draw draws an object of an app that is light.
func draw(r *rand.Rand, a *App) (Ref, bool) {
	refs := slices.DeleteFunc(a.refs(), func(r Ref) bool { return !light(r) })
	if len(refs) == 0 {
		return Ref{}, false
	}
	return refs[r.IntN(len(refs))], true
}

func addObjects(s *soak, r *rand.Rand) error {
	a, err := s.choose(r, func(a *App) bool { return len(a.Objects) < 25 })
	if err != nil {
		return err
	}
	kind := []string{"ConfigMap", "ConfigMap", "Secret", "ServiceAccount"}[r.IntN(4)]
	if a.Form != formDir {
		kind = "ConfigMap"
	}
	for range 1 + r.IntN(3) {
		s.world.put(a, kind)
	}
	return nil
}

func changeObjects(s *soak, r *rand.Rand) error {
	a, err := s.choose(r, func(a *App) bool { return len(a.Objects) > 0 })
	if err != nil {
		return err
	}
	for _, ref := range a.refs() {
		if light(ref) && r.IntN(3) == 0 {
			o := a.Objects[ref]
			o.Value = s.world.value()
			a.Objects[ref] = o
		}
	}
	return nil
}

func removeObject(s *soak, r *rand.Rand) error {
	a, err := s.choose(r, func(a *App) bool { return len(a.Objects) > 2 })
	if err != nil {
		return err
	}
	ref, ok := draw(r, a)
	if !ok {
		return errSkip
	}
	delete(a.Objects, ref)
	return nil
}

func moveObject(s *soak, r *rand.Rand) error {
	from, err := s.choose(r, func(a *App) bool { return a.Form != formChart && len(a.Objects) > 2 })
	if err != nil {
		return err
	}
	to, err := s.choose(r, func(a *App) bool { return a != from && a.Form != formChart && a.Cluster == from.Cluster })
	if err != nil {
		return err
	}
	ref, ok := draw(r, from)
	if !ok {
		return errSkip
	}
	to.Objects[ref] = from.Objects[ref]
	delete(from.Objects, ref)
	return nil
}

func addApp(s *soak, r *rand.Rand) error {
	c := append(slices.Clone(s.world.Clusters), "")[r.IntN(len(s.world.Clusters)+1)]
	name := fmt.Sprintf("extra-%d", s.world.number())
	if c != "" {
		name = c + "-" + name
	}
	s.world.app(name, c, formDir, 1+r.IntN(6), "ConfigMap")
	return nil
}

func removeApp(s *soak, r *rand.Rand) error {
	a, err := s.choose(r, func(a *App) bool { return strings.Contains(a.Name, "extra-") })
	if err != nil {
		return err
	}
	delete(s.world.Apps, a.Name)
	return nil
}

func renameFolder(s *soak, r *rand.Rand) error {
	a, err := s.choose(r, func(a *App) bool { return a.Form == formDir })
	if err != nil {
		return err
	}
	a.Folder = fmt.Sprintf("apps/%s-%d", a.Name, s.world.number())
	return nil
}

func renameApp(s *soak, r *rand.Rand) error {
	a, err := s.choose(r, func(a *App) bool { return strings.Contains(a.Name, "extra-") })
	if err != nil {
		return err
	}
	delete(s.world.Apps, a.Name)
	a.Name = fmt.Sprintf("extra-%d", s.world.number())
	if a.Cluster != "" {
		a.Name = a.Cluster + "-" + a.Name
	}
	s.world.Apps[a.Name] = a
	return nil
}

// replaceHashed has an app of six objects whose names carry a hash of their content, all of which change at once.
func replaceHashed(s *soak, r *rand.Rand) error {
	name := s.world.Clusters[0] + "-hashed"
	a := s.world.Apps[name]
	if a == nil {
		a = s.world.app(name, s.world.Clusters[0], formDir, 0, "")
	}
	clear(a.Objects)
	for i := range 6 {
		hash := make([]byte, 10)
		for j := range hash {
			hash[j] = "2456789bcdfghkmt"[r.IntN(16)]
		}
		ref := Ref{"ConfigMap", space, fmt.Sprintf("settings-%d-%s", i, hash)}
		a.Objects[ref] = Object{Ref: ref, Value: s.world.value()}
	}
	return nil
}

// addJob adds a Job, waits until it has run and its time is over, and then for what an agent might do about that.
func addJob(ctx context.Context, s *soak, r *rand.Rand) error {
	a, err := s.choose(r, func(a *App) bool { return a.Form == formDir && a.Cluster != "" && len(a.Objects) < 25 })
	if err != nil {
		return err
	}
	job := s.world.put(a, "Job")
	if err := s.commit("add-job"); err != nil {
		return err
	}
	if err := s.settle(ctx); err != nil {
		return err
	}
	uid := ""
	err = poll(ctx, s.Patience, func() error {
		o, err := s.named(a.Cluster).kube().Get(ctx, job.live())
		if testenv.IsNotFound(err) || err == nil && uid != "" && o.Text("metadata", "uid") != uid {
			return nil
		}
		if err == nil {
			uid = o.Text("metadata", "uid")
		}
		return errors.Join(fmt.Errorf("%s was not deleted after its ttlSecondsAfterFinished", job), err)
	})
	if err != nil {
		return notAtRest(err)
	}
	return s.quiet(ctx)
}

func removeJobs(s *soak, r *rand.Rand) error {
	job := func(r Ref) bool { return r.Kind == "Job" }
	a, err := s.choose(r, func(a *App) bool { return slices.ContainsFunc(a.refs(), job) })
	if err != nil {
		return err
	}
	for _, ref := range a.refs() {
		if job(ref) {
			delete(a.Objects, ref)
		}
	}
	return nil
}

func secretKey(s *soak, r *rand.Rand) error {
	a, err := s.choose(r, func(a *App) bool { return strings.HasSuffix(a.Name, "-secrets") })
	if err != nil {
		return err
	}
	ref, ok := draw(r, a)
	if !ok || ref.Kind != "Secret" {
		return errSkip
	}
	o := a.Objects[ref]
	o.Extra = !o.Extra
	a.Objects[ref] = o
	return nil
}

func addGuest(s *soak, r *rand.Rand) error {
	a, err := s.choose(r, func(a *App) bool { return strings.HasSuffix(a.Name, "-guests") && len(a.Objects) < 8 })
	if err != nil {
		return err
	}
	s.world.put(a, "Namespace")
	return nil
}

// removeGuest removes a Namespace from Git, often after somebody put objects into it.
func removeGuest(ctx context.Context, s *soak, r *rand.Rand) error {
	a, err := s.choose(r, func(a *App) bool { return strings.HasSuffix(a.Name, "-guests") })
	if err != nil {
		return err
	}
	for _, ref := range a.refs() {
		if ref.Kind != "Namespace" {
			continue
		}
		if r.IntN(4) > 0 {
			if err := s.stranger(ctx, a.Cluster, ref.Name); err != nil {
				return err
			}
		}
		delete(a.Objects, ref)
		return s.commit("guest-namespace-removed")
	}
	return errSkip
}

// burst makes several commits, faster than they are delivered.
func burst(_ context.Context, s *soak, r *rand.Rand) error {
	for i := range 3 + r.IntN(4) {
		do := []func(*soak, *rand.Rand) error{addObjects, changeObjects, removeObject, moveObject}[r.IntN(4)]
		if err := do(s, r); err != nil && !errors.Is(err, errSkip) {
			return err
		}
		if err := s.commit(fmt.Sprintf("burst %d", i)); err != nil {
			return err
		}
	}
	return nil
}

// revertLast takes the newest commit back by another.
func revertLast(_ context.Context, s *soak, _ *rand.Rand) error {
	if len(s.history) < 2 {
		return errSkip
	}
	s.restore(s.history[len(s.history)-2])
	return s.commit("revert-last")
}

// forceBack moves the branch back to the commit before.
func forceBack(_ context.Context, s *soak, _ *rand.Rand) error {
	if len(s.history) < 2 {
		return errSkip
	}
	return s.forceTo(s.history[len(s.history)-2], "force-push-back")
}

// frozenUnreadable suspends a cluster, removes something, breaks its cluster.yaml and loses the hub's store. It is to
// stay suspended.
func frozenUnreadable(ctx context.Context, s *soak, r *rand.Rand) error {
	c := s.world.Clusters[r.IntN(len(s.world.Clusters))]
	s.world.Frozen[c] = true
	if err := s.commit("suspend " + c); err != nil {
		return err
	}
	if err := s.settle(ctx); err != nil {
		return err
	}
	a, err := s.choose(r, func(a *App) bool { return a.Cluster == c && len(a.Objects) > 2 })
	if err != nil {
		return err
	}
	if ref, ok := draw(r, a); ok {
		delete(a.Objects, ref)
	}
	i := slices.IndexFunc(s.slips, func(x Slip) bool { return x.Name == "cluster-yaml-unreadable" })
	s.slip = &active{s.slips[i], Target{Cluster: c}}
	if err := s.commit("cluster-yaml-unreadable while suspended"); err != nil {
		return err
	}
	if err := s.settle(ctx); err != nil {
		return err
	}
	if err := loseStore(ctx, s, r); err != nil {
		return err
	}
	if err := s.settle(ctx); err != nil {
		return err
	}
	s.slip = nil
	if err := s.commit("mend " + c); err != nil {
		return err
	}
	if err := s.settle(ctx); err != nil {
		return err
	}
	s.world.Frozen[c] = false
	return s.commit("resume " + c)
}
