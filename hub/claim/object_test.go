package claim_test

import (
	"fmt"
	"testing"

	"github.com/drover-dev/drover/hub/claim"
	"github.com/drover-dev/drover/hub/trust"
)

func TestTheFormOfAnObject(t *testing.T) {
	t.Parallel()
	const plain = `{"kind":"ConfigMap","metadata":{"name":"a"},"x":1e400}`
	for object, want := range map[string]string{
		plain: plain,
		`{"kind":"ConfigMap","metadata":{"annotations":{"drover.dev/prune":"disabled"},"name":"a"},"x":1e400}`: plain,
		`{"kind":"A","metadata":{"annotations":{"drover.dev/prune":"disabled","z":"1"}}}`: `{"kind":"A",` +
			`"metadata":{"annotations":{"z":"1"}}}`,
		`{"kind":"A","metadata":{"annotations":{"drover.dev/prune":"no"}}}`: `{"kind":"A","metadata":` +
			`{"annotations":{"drover.dev/prune":"no"}}}`,
		`{"kind":"Job","metadata":{"annotations":{"argocd.argoproj.io/hook":"PreSync"}}}`: "",
		`{"kind":"Secret","data":{"a":"b"},"sops":{"mac":"x"}}`:                           "",
		`{"kind":"ConfigMap","data":{"a":"ENC[AES256_GCM,data:x]"}}`:                      "",
		`{"kind":"A","metadata":{"annotations":{"a":1}}}`:                                 "",
		``: "",
	} {
		if got := claim.Form([]byte(object)); got != want {
			t.Errorf("%s: %s, want %s", object, got, want)
		}
	}
}

func TestWhichObjectsAreKept(t *testing.T) {
	t.Parallel()
	for object, want := range map[string]bool{
		`{"metadata":{"annotations":{"drover.dev/prune":"disabled"}}}`:             true,
		`{"metadata":{"labels":{"kustomize.toolkit.fluxcd.io/prune":"Disabled"}}}`: true,
		`{"metadata":{"annotations":{"a":"b"}}}`:                                   false,
		`{"metadata":{"annotations":"a"}}`:                                         false,
		``:                                                                         false,
		`{"metadata":{"annotations":{"a":1,"kustomize.toolkit.fluxcd.io/prune":"x"}}}`: false,
	} {
		if got := claim.Kept([]byte(object)); got != want {
			t.Errorf("%s: %v", object, got)
		}
	}
}

// TestHowManyOthersAnAppWaitsFor: of those that claim the object, directly and by way of others, once each, also in a
// circle; not of those that are trusted less.
func TestHowManyOthersAnAppWaitsFor(t *testing.T) {
	t.Parallel()
	tenant := trust.Party{Account: "team/deployer"}
	apps := []claim.App{
		0: {Name: "api", DependsOn: []string{"broker", "none"}},
		1: {Name: "broker", DependsOn: []string{"store", "api"}},
		2: {Name: "store"},
		3: {Name: "web", DependsOn: []string{"api", "store", "team"}},
		4: {Name: "team", Party: tenant, DependsOn: []string{"store", "other"}},
		5: {Name: "other", Party: tenant},
	}
	all := []int{0, 1, 2, 3, 4, 5}
	for _, c := range []struct {
		i     int
		claim []int
		want  int
	}{
		{0, all, 2}, {1, all, 2}, {2, all, 0}, {3, all, 3}, {4, all, 2}, {5, all, 0},
		{0, []int{0, 2}, 1}, {3, []int{2, 3, 4}, 1}, {3, []int{3, 4, 5}, 0}, {0, []int{0}, 0},
	} {
		if got := claim.Waits(apps, c.i, c.claim); got != c.want {
			t.Errorf("%s among %v: %d, want %d", apps[c.i].Name, c.claim, got, c.want)
		}
	}
	if got := fmt.Sprint(apps[0].DependsOn, apps[3].DependsOn); got != "[broker none] [api store team]" {
		t.Errorf("what the apps depend on became %s", got)
	}
}
