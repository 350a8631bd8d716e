package hub_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/protocol"
)

// planner makes up files. With one seed it always makes the same ones.
type planner struct {
	*rand.Rand
	n int // of the files that it made
}

func newPlanner(seed uint64) *planner { return &planner{Rand: rand.New(rand.NewPCG(seed, 16))} }

// of chooses one.
func (p *planner) of(all ...string) string { return all[p.IntN(len(all))] }

// file begins a file of a folder.
func (p *planner) file(folder string) string {
	p.n++
	return fmt.Sprintf("-- %s/f%d.yaml --\n", folder, p.n)
}

// object is one that is delivered in one of the namespaces: with a value, or one that uses variables.
func (p *planner) object(folder, value string, namespaces ...string) string {
	head := fmt.Sprintf("apiVersion: v1\nkind: %s\nmetadata: {name: %s, namespace: %s}\n", p.of("ConfigMap", "Secret"), p.of("vars", "x", "y"), p.of(namespaces...))
	switch field := "data"; p.IntN(3) {
	case 0:
		return p.file(folder) + head + field + ": {V: \"${V:-none}\"}\n"
	default:
		if strings.Contains(head, "Secret") {
			field = "stringData"
		}
		return p.file(folder) + head + fmt.Sprintf("%s: {V: %s}\n", field, value)
	}
}

// declaration declares an app, or what apps need. Its folders are some of paths.
func (p *planner) declaration(folder string, paths ...string) string {
	namespace, name := p.of("a", "b", "flux-system", "shared"), p.of("x", "y", "z", "teamb", "platform")
	meta := fmt.Sprintf("metadata: {name: %s, namespace: %s}\n", name, namespace)
	from := fmt.Sprintf("kind: %s, name: %s, optional: %v", p.of("ConfigMap", "Secret"), p.of("vars", "x", "y"), p.IntN(2) == 0)
	source := p.of("{kind: GitRepository, name: flux-system, namespace: flux-system}", "{kind: GitRepository, name: own, namespace: flux-system}")
	switch p.IntN(8) {
	case 0:
		return p.file(folder) + "apiVersion: source.toolkit.fluxcd.io/v1\nkind: GitRepository\nmetadata: {name: " + p.of("own", "flux-system") + ", namespace: flux-system}\n" +
			"spec: {url: \"" + p.of("ssh://git@github.com/org/fleet", "https://evil.example.com/fleet") + "\", ref: {branch: main}}\n"
	case 1:
		return p.file(folder) + "apiVersion: drover.dev/v1alpha1\nkind: App\nmetadata: {name: " + name + "}\nspec: {path: " + p.of(paths...) + "}\n"
	case 2:
		return p.file(folder) + "apiVersion: drover.dev/v1alpha1\nkind: Project\nmetadata: {name: " + p.of("default", "one") + "}\nspec: {sources: [], namespaces: []}\n"
	case 3:
		return p.file(folder) + "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\n" + meta +
			"spec:\n  interval: 1m\n  chart: {spec: {chart: ./chart, sourceRef: " + source + "}}\n  valuesFrom: [{" + from + ", valuesKey: V, targetPath: v}]\n"
	default:
		return p.file(folder) + "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\n" + meta + "spec:\n  path: " + p.of(paths...) + "\n  prune: " +
			p.of("true", "false") + "\n  sourceRef: " + source + "\n  postBuild: {substituteFrom: [{" + from + "}]}\n" + p.of("", "  suspend: true\n", "  serviceAccountName: deployer\n", "  dependsOn: [{name: teamb, namespace: b}]\n")
	}
}

// broken is a file that cannot be read, or that declares what nobody knows.
func (p *planner) broken(folder string) string {
	return p.file(folder) + p.of("kind: [\n", "apiVersion: drover.dev/v1alpha1\nkind: Appp\nmetadata: {name: x}\n",
		"apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: x, namespace: a}\nspec: [a]\n",
		"apiVersion: argoproj.io/v1alpha1\nkind: ApplicationSet\nmetadata: {name: x, namespace: a}\nspec: {generators: [{none: {}}]}\n")
}

// fleet is a cluster with the platform's apps and those of two tenants, a/deployer and b/deployer, who have folders of
// their own.
func (p *planner) fleet() string {
	tree := bootstrap + appIn("clusters/staging/teama.yaml", "a", "teama", deployer) + appIn("clusters/staging/teamb.yaml", "b", "teamb", deployer) +
		appIn("clusters/staging/platform.yaml", "flux-system", "platform", "") +
		"-- chart/Chart.yaml --\napiVersion: v2\nname: web\nversion: 1.0.0\n-- chart/templates/cm.yaml --\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: \"{{ .Release.Name }}\"}\ndata: {v: \"{{ .Values.v }}\"}\n"
	namespaces := map[string][]string{"teama": {"a"}, "teamb": {"b"}, "platform": {"flux-system", "shared"}}
	for _, folder := range []string{"teama", "teamb", "platform"} {
		tree += manifest(folder+"/cm.yaml", folder, "{a: b}")
		for _, below := range []string{"/one", "/two"} {
			for range 1 + p.IntN(3) {
				tree += p.object(folder+"-apps"+below, folder, namespaces[folder]...)
			}
		}
		for range 1 + p.IntN(4) {
			tree += p.object(folder, folder, namespaces[folder]...)
		}
		for range p.IntN(4) {
			tree += p.declaration(folder, folder+"-apps/one", folder+"-apps/two")
		}
	}
	return tree
}

// seeds are how many plans are made up for each property.
const seeds = 12

// kept is all that an agent is told of the apps that have not an account: by which key each is known and was known, its
// blob, what it claims, what is done with it, and whether those that leave are kept. It is what an agent decides by.
func (b *scene) kept(last []protocol.App, account string) string {
	b.t.Helper()
	res := b.keyed("staging", last)
	bundle := protocol.Bundle{Incomplete: strings.Join(append(res.Cluster.Problems, res.Doubt), "; ")}
	parents := map[string]string{}
	var lines []string
	for _, a := range res.Apps {
		app := protocol.App{Name: a.App.Name, Parent: a.App.Parent, Error: a.Err, Blob: a.Ref, Handling: a.App.Handling}
		parents[app.Name] = app.Parent
		bundle.Apps = append(bundle.Apps, app)
		if app.ServiceAccount == account {
			continue
		}
		id, stays := "", ""
		if a.Ref != nil {
			id = a.Ref.ID()
		}
		if a.Kept != nil {
			stays = a.Kept.ID()
		}
		claims := slices.Clone(a.Refs)
		slices.SortFunc(claims, protocol.ObjectRef.Compare)
		handling, err := json.Marshal(a.App.Handling)
		if err != nil {
			b.t.Fatal(err)
		}
		lines = append(lines, fmt.Sprintf("%s (%s, formerly %q) of %s after %q prune %v suspended %v blob %s stays %s claims %v error %q %s %s",
			app.Name, a.App.Declared, a.App.Formerly, app.Parent, a.App.DependsOn, a.App.Prune, a.App.Suspend, id, stays, claims, a.Err,
			a.Reason, handling))
	}
	for _, a := range last {
		if _, there := parents[a.Name]; there || a.ServiceAccount == account {
			continue
		}
		parents[a.Name] = a.Parent
		why := fleet.WhyKept(bundle, a.Name, func(name string) string { return parents[name] })
		lines = append(lines, fmt.Sprintf("%s leaves, and is kept: %q", a.Name, why))
	}
	slices.Sort(lines)
	return bundle.Incomplete + "\n" + strings.Join(lines, "\n")
}

// Property 1: whatever files are added to a tenant's folder, every app of others has the same name, blob, state and claims,
// and those that leave are deleted as they were. That what others do makes no app wait with deleting in the cluster,
// TestWhatWaitsForOthersFollowsFromOneAccount of the agent's board holds.
func TestATenantsFilesLeaveOthersAsTheyAre(t *testing.T) {
	t.Parallel()
	for seed := range uint64(seeds) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			p := newPlanner(seed)
			tree := p.fleet()
			b := newScene(t, tree+appIn("clusters/staging/gone.yaml", "flux-system", "gone", "")+manifest("gone/cm.yaml", "gone", "{a: b}"))
			last := told(b.keyed("staging", nil))
			removed := "-- clusters/staging/gone.yaml --\n" // and some of what the platform declares
			for _, name := range slices.Sorted(maps.Keys(files(tree))) {
				if folder, _, _ := strings.Cut(name, "/"); folder == "platform" && p.IntN(5) == 0 {
					removed += "-- " + name + " --\n"
				}
			}
			b.commit(removed)
			before := b.kept(last, "a/deployer")
			if !strings.Contains(before, "leaves, and is kept") {
				t.Fatalf("nothing leaves:\n%s", before)
			}
			added := ""
			for range 1 + p.IntN(4) {
				switch p.IntN(3) {
				case 0:
					added += p.object("teama", "added", "a", "b", "flux-system", "shared")
				case 1:
					added += p.declaration("teama", "teama-apps/one", "platform", "teamb", "clusters/staging")
				default:
					added += p.broken("teama")
				}
			}
			b.commit(added)
			if got := b.kept(last, "a/deployer"); got != before {
				t.Errorf("with\n%s\nit is\n%s\nand was\n%s", added, got, before)
			}
		})
	}
}

// Property 2: what an app with an account renders to does not change when an object changes that an app without that
// account delivers.
func TestATenantsRenderDoesNotFollowFromWhatOthersDeliver(t *testing.T) {
	t.Parallel()
	for seed := range uint64(seeds) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			p := newPlanner(100 + seed)
			tree := p.fleet()
			b := newScene(t, tree)
			of := func() string {
				var out strings.Builder
				for _, a := range b.resolve("staging").Apps {
					if a.App.Handling.ServiceAccount == "a/deployer" {
						fmt.Fprintf(&out, "%s %v %q %s\n", a.App.Name, a.App.Handling.Substitute, a.Err, b.rendered(a))
					}
				}
				return out.String()
			}
			before := of()
			changed := ""
			for name, text := range files(tree) {
				if folder, _, _ := strings.Cut(name, "/"); strings.HasPrefix(folder, "teamb") || strings.HasPrefix(folder, "platform") {
					if now := strings.NewReplacer("V: teamb", "V: changed", "V: platform", "V: changed").Replace(text); now != text {
						changed += "-- " + name + " --\n" + now
					}
				}
			}
			b.commit(changed)
			if got := of(); got != before {
				t.Errorf("with\n%s\nit is\n%s\nand was\n%s", changed, got, before)
			}
		})
	}
}

// chain is a Kustomization that takes V from objects which Git has, has encrypted or does not have, and declares a chart
// that is given V in one way or another.
func (p *planner) chain(name string) string {
	var from []string
	for range 1 + p.IntN(3) {
		from = append(from, p.of("{kind: Secret, name: enc}", "{kind: Secret, name: gone}",
			"{kind: Secret, name: gone, optional: true}", "{kind: ConfigMap, name: known}"))
	}
	value := p.of("${V}", "x-${V}.net", "${V/a/b}", "${V:-d}", "${NONE:-${V}}", "$${V}", "plain")
	return appIn("clusters/staging/"+name+".yaml", "flux-system", name,
		"  postBuild: {substituteFrom: ["+strings.Join(from, ", ")+"]}\n") +
		"-- " + name + "/release.yaml --\napiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\n" +
		"metadata: {name: " + name + ", namespace: shared}\nspec:\n  interval: 1m\n" +
		"  chart: {spec: {chart: ./chart, sourceRef: {kind: GitRepository, name: flux-system, namespace: flux-system}}}\n" +
		p.of("  values: {v: \""+value+"\"}\n",
			"  valuesFrom: [{kind: ConfigMap, name: "+name+", valuesKey: v, targetPath: v}]\n") +
		"-- " + name + "/cm.yaml --\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: " + name + ", namespace: shared}\n" +
		"data: {v: \"" + value + "\"}\n"
}

// Property 4: no ciphertext, no ${…} that Flux would have replaced and no token that nothing replaces reaches a cluster.
func TestWhatFluxReplacesReachesNoClusterAsItIs(t *testing.T) {
	t.Parallel()
	token := regexp.MustCompile(`zq[0-9a-f]{20}`)
	tree := bootstrap + appIn("clusters/staging/vars.yaml", "flux-system", "vars", "  decryption: {provider: sops}\n") +
		"-- vars/vars.yaml --\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: known, namespace: flux-system}\n" +
		"data: {V: abc}\n---\napiVersion: v1\nkind: Secret\nmetadata: {name: enc, namespace: flux-system}\n" +
		"stringData: {V: \"ENC[AES256_GCM,data:x,iv:y,tag:z,type:str]\"}\nsops: {mac: x}\n" +
		"-- chart/Chart.yaml --\napiVersion: v2\nname: web\nversion: 1.0.0\n-- chart/templates/cm.yaml --\n" +
		"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: \"of-{{ .Release.Name }}\"}\ndata: {v: {{ .Values.v | quote }}}\n"
	for seed := range uint64(seeds) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			p := newPlanner(200 + seed)
			all := tree
			for i := range 8 {
				all += p.chain(fmt.Sprintf("chain%d", i))
			}
			b := newScene(t, all)
			res := b.resolve("staging")
			if len(res.Apps) < 10 || len(res.Cluster.Problems) > 0 {
				t.Fatalf("%d apps, %v", len(res.Apps), res.Cluster.Problems)
			}
			for _, a := range res.Apps {
				text, told := b.rendered(a), fmt.Sprint(a.App.Handling.Opaque)
				for _, found := range token.FindAllString(text, -1) {
					is := func(o protocol.Opaque) bool { return o.Token == found }
					if !slices.ContainsFunc(a.App.Handling.Opaque, is) {
						t.Errorf("%s has the token %s, and the agent is told of %s", a.App.Declared, found, told)
					}
				}
				if a.App.Handling.Decrypt == nil && strings.Contains(text, "ENC[") {
					t.Errorf("%s has ciphertext:\n%s", a.App.Declared, text)
				}
				name := a.App.Declared[strings.LastIndex(a.App.Declared, "/")+1:]
				escaped := strings.Contains(files(all)[name+"/cm.yaml"], "$${V}") // it stands for itself then
				if a.App.Handling.Substitute == nil && strings.Contains(text, "${") && !escaped {
					t.Errorf("%s has a variable:\n%s", a.App.Declared, text)
				}
			}
		})
	}
}
