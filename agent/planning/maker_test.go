package planning

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/agent/plan"
	"github.com/drover-dev/drover/protocol"
)

func (s *scene) make(w Want) *plan.Plan {
	s.t.Helper()
	p, err := s.Make(s.t.Context(), w)
	if err != nil {
		s.t.Fatal(err)
	}
	return p
}

// applied are the lines that a plan applies.
func (s *scene) applied(p *plan.Plan) string {
	s.t.Helper()
	lines, err := p.Lines()
	if err != nil {
		s.t.Fatal(err)
	}
	return string(lines)
}

func names(p *plan.Plan) (out []string) {
	for i := range p.Wants {
		out = append(out, p.Wants[i].Ref.String())
	}
	return out
}

func TestAPlanIsMadeOfWhatTheHubHas(t *testing.T) {
	t.Parallel()
	s := begin(t)
	received := time.Unix(9, 0)
	namespace := `{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"shop"}}`
	p := s.make(Want{Spec: s.spec("web", configMap("a", "1"), namespace), Epoch: 3, Generation: 8, Received: received})
	if got := names(p); !slices.Equal(got, []string{"Namespace/shop", "ConfigMap/shop/a"}) {
		t.Errorf("the plan wants %q", got)
	}
	if p.Epoch != 3 || p.Generation != 8 || p.Received() != received || p.Home != "shop" || p.Spec().Name != "web" {
		t.Errorf("the plan is of %d/%d, received %s, for %s of app %s", p.Epoch, p.Generation, p.Received(), p.Home,
			p.Spec().Name)
	}
}

// What is here already is not fetched.
func TestABlobIsFetchedOnce(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change  func(s *scene, w *Want)
		fetched int
	}{
		"nothing is here": {func(*scene, *Want) {}, 1},
		"the plan in force has it": {func(s *scene, w *Want) {
			w.Had = s.make(*w)
			s.fetched = 0
		}, 0},
		"the plan in force has another": {func(s *scene, w *Want) {
			w.Had = s.make(Want{Spec: s.spec("web", configMap("b", "1"))})
			s.fetched = 0
		}, 1},
		"it is stored": {func(_ *scene, w *Want) {
			w.Spare = Spare{agent.Pack([]byte(configMap("a", "1") + "\n")), w.Spec.Blob.Digest}
		}, 0},
		"another one is stored": {func(_ *scene, w *Want) { w.Spare = Spare{agent.Pack([]byte("x")), "other"} },
			1},
		"nothing is stored under its name": {func(_ *scene, w *Want) { w.Spare = Spare{nil, w.Spec.Blob.Digest} }, 1},
	} {
		s := begin(t)
		w := Want{Spec: s.spec("web", configMap("a", "1"))}
		c.change(s, &w)
		p := s.make(w)
		if s.fetched != c.fetched || s.applied(p) != configMap("a", "1")+"\n" {
			t.Errorf("%s: fetched %d times: %s", name, s.fetched, s.applied(p))
		}
		if packed, size := p.Packed(); size != w.Spec.Blob.Size || len(packed) == 0 {
			t.Errorf("%s: the plan has %d packed bytes of %d", name, len(packed), size)
		}
	}
}

func TestNoPlanIsMadeOfWhatIsNotRight(t *testing.T) {
	t.Parallel()
	unreachable := &agent.Failure{Reason: agent.ReasonUnreachable, Text: "no answer"}
	for name, c := range map[string]struct {
		change func(s *scene, w *Want)
		says   string
	}{
		"there is no blob": {func(_ *scene, w *Want) { w.Spec.Blob = nil }, "the bundle has no blob for it"},
		"the hub is away":  {func(s *scene, _ *Want) { s.offline = agent.ErrOffline }, agent.ErrOffline.Error()},
		"the blob was altered": {func(s *scene, w *Want) { s.chunks[w.Spec.Blob.ID()][3]++ },
			"does not open with the key of its bundle"},
		"it has other objects than its bundle says": {func(_ *scene, w *Want) { w.Spec.Blob.Objects = 2 },
			"the blob has 1 objects, its bundle says 2"},
		"an input is not there": {func(_ *scene, w *Want) { w.Spec = substituted(w.Spec) },
			"waits for the ConfigMap shop/vars"},
		"the API server does not answer": {func(s *scene, _ *Want) { s.kinds = []error{unreachable} }, "no answer"},
	} {
		s := begin(t)
		w := Want{Spec: s.spec("web", configMap("a", "1"))}
		c.change(s, &w)
		if p, err := s.Make(t.Context(), w); err == nil || p != nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAPlanIsMadeWithItsInputs(t *testing.T) {
	t.Parallel()
	s := begin(t)
	s.versions[vars()] = 4
	p := s.make(Want{Spec: substituted(s.spec("web", configMap("a", "${color}")))})
	if !strings.Contains(s.applied(p), `"k":"blue4"`) || p.InputVersion(vars()) != 4 || !s.watched[vars()] {
		t.Errorf("it applies %s with version %d", s.applied(p), p.InputVersion(vars()))
	}
	for version, outdated := range map[uint64]bool{0: false, 3: false, 4: false, 5: true} {
		s.versions[vars()] = version
		if s.Outdated(p) != outdated {
			t.Errorf("with version %d it is outdated: %v", version, !outdated)
		}
	}
}

// Kinds that one app defines are known when the objects of all are placed.
func TestPlansAreGatheredAndPlacedTogether(t *testing.T) {
	t.Parallel()
	s := begin(t)
	crd := `{"apiVersion":"apiextensions.k8s.io/v1","kind":"CustomResourceDefinition",` +
		`"metadata":{"name":"things.example.com"},"spec":{"group":"example.com","names":{"kind":"Thing",` +
		`"plural":"things"},"scope":"Namespaced","versions":[{"name":"v1","served":true,"storage":true}]}}`
	apps := []Want{{Spec: s.spec("defines", crd)}, {Spec: s.spec("web", configMap("a", "1"))},
		{Spec: s.spec("lost", configMap("b", "1"))}, {Spec: protocol.App{Name: "empty"}}}
	delete(s.chunks, apps[2].Spec.Blob.ID())
	plans, missing := s.Gather(t.Context(), apps)
	if len(plans) != 2 || plans["defines"] == nil || !slices.Equal(names(plans["web"]), []string{"ConfigMap/shop/a"}) {
		t.Errorf("the plans are %v", plans)
	}
	if len(missing) != 2 || missing["lost"] == nil || missing["empty"] == nil {
		t.Errorf("missing is %v", missing)
	}
	if len(s.defined) != 1 || s.defined[0].Kind != "Thing" {
		t.Errorf("the kinds that are defined: %+v", s.defined)
	}
	s.kinds = []error{errors.New("no answer")}
	plans, missing = s.Gather(t.Context(), apps[1:2])
	if len(plans) != 0 || missing["web"] == nil || missing["web"].Error() != "no answer" {
		t.Errorf("what cannot be placed is not missing: %v, %v", plans, missing)
	}
}

// A hub that is slow does not keep a bundle from being put into force.
func TestABundleDoesNotWaitForBlobsForever(t *testing.T) {
	t.Parallel()
	s := begin(t)
	spec := s.spec("web", configMap("a", "1"))
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		s.late = make(chan struct{})
		plans, missing := s.Gather(t.Context(), []Want{{Spec: spec}})
		if len(plans) != 0 || !errors.Is(missing["web"], context.DeadlineExceeded) || time.Since(start) != gatherTime {
			t.Errorf("after %s: %v, %v", time.Since(start), plans, missing)
		}
	})
}

func TestWhatIsStoredIsRestored(t *testing.T) {
	t.Parallel()
	s := begin(t)
	st := stored(s.spec("web", configMap("a", "1")), configMap("a", "1"))
	p, err := s.Maker.Restore(t.Context(), st)
	if err != nil || s.fetched != 0 || p.Epoch != 2 || p.Generation != 7 || !p.Received().IsZero() {
		t.Fatalf("the plan is %+v: %v", p, err)
	}
	if s.applied(p) != configMap("a", "1")+"\n" || !slices.Equal(names(p), []string{"ConfigMap/shop/a"}) {
		t.Errorf("it applies %s", s.applied(p))
	}
	for name, c := range map[string]struct {
		change func(*agent.AppState)
		says   string
	}{
		"there is no blob": {func(st *agent.AppState) { st.Spec.Blob = nil }, "there is no blob"},
		"it is not packed": {func(st *agent.AppState) { st.Packed = []byte("no") }, "decompress"},
		"it is another one": {func(st *agent.AppState) { st.Packed = agent.Pack([]byte(configMap("b", "1"))) },
			"has the digest"},
		"its inputs are gone": {func(st *agent.AppState) { st.Spec = substituted(st.Spec) },
			"waits for the ConfigMap shop/vars"},
	} {
		st := stored(s.spec("web", configMap("a", "1")), configMap("a", "1"))
		c.change(&st)
		if _, err := s.Maker.Restore(t.Context(), st); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Without the API server it is not known where objects belong, and nothing else can be done either.
func TestRestoringWaitsForTheAPIServer(t *testing.T) {
	t.Parallel()
	away := &agent.Failure{Reason: agent.ReasonUnreachable, Text: "no answer"}
	s, start := begin(t), time.Now()
	s.kinds = []error{away}
	st := stored(s.spec("web", configMap("a", "1")), configMap("a", "1"))
	if p, err := s.Maker.Restore(t.Context(), st); err != nil || len(p.Wants) != 1 || len(s.kinds) != 0 {
		t.Errorf("the plan is %+v: %v", p, err)
	}
	if took := time.Since(start); took < 500*time.Millisecond {
		t.Errorf("it took %s", took)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	s.kinds = []error{away}
	if _, err := s.Maker.Restore(ctx, st); !errors.Is(err, context.Canceled) {
		t.Errorf("it does not end with the session: %v", err)
	}
}

func TestFormerContentIsRestored(t *testing.T) {
	t.Parallel()
	s := begin(t)
	st := stored(s.spec("web", configMap("a", "2")), configMap("a", "2"))
	former := []byte(configMap("a", "1") + "\n")
	st.Last = []agent.LastApplied{{Namespace: "old", Objects: 1, Size: int64(len(former)), Packed: agent.Pack(former)},
		{Namespace: "old", Objects: 1, Size: 9, Packed: []byte("no")}}
	list := s.RestoreFormer(t.Context(), st)
	if len(list) != 1 {
		t.Fatalf("%d plans", len(list))
	}
	ref, line := protocol.ObjectRef{Kind: "ConfigMap", Namespace: "old", Name: "a"}, agent.SumOf([]byte(configMap("a",
		"1")))
	if w := list[0].Find(ref, line); w == nil || list[0].Generation != 7 {
		t.Errorf("the plan of generation %d wants %+v", list[0].Generation, list[0].Wants)
	}
	if log := s.log.String(); strings.Count(log, "the last applied version of some objects cannot be read") != 1 ||
		!strings.Contains(log, "app=web") {
		t.Errorf("the log says %q", log)
	}
}
