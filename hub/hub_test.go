package hub_test

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/drover-dev/drover/fleet/query"
	"github.com/drover-dev/drover/protocol"
)

const (
	kustomizationBase = "resources: [config.yaml]\n"
	brokenBase        = "resources: [confg.yaml]\n"
)

func configMap(name, value string) string {
	return "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: " + name + ", namespace: web}\ndata: {value: \"" + value + "\"}\n"
}

func app(name, path, extra string) string {
	return "apiVersion: drover.dev/v1alpha1\nkind: App\nmetadata: {name: " + name + "}\nspec:\n  path: " + path + "\n" + extra
}

// twoClusters share a base through overlays of their own; each has a second app.
func twoClusters() map[string]string {
	return map[string]string{
		"apps/web/base/kustomization.yaml":       kustomizationBase,
		"apps/web/base/config.yaml":              configMap("web", "one"),
		"apps/web/overlays/a/kustomization.yaml": "resources: [../../base]\nnamePrefix: a-\n",
		"apps/web/overlays/b/kustomization.yaml": "resources: [../../base]\nnamePrefix: b-\n",
		"apps/extra/config.yaml":                 configMap("extra", "x"),
		"clusters/a/apps.yaml":                   app("web", "./apps/web/overlays/a", "") + "---\n" + app("extra", "apps/extra", ""),
		"clusters/b/apps.yaml":                   app("web", "./apps/web/overlays/b", "") + "---\n" + app("extra", "apps/extra", ""),
		"clusters/b/settings.yaml":               configMap("settings", "b"),
	}
}

func TestAJoinedClusterGetsItsBundle(t *testing.T) {
	t.Parallel()
	r := newRig(t, twoClusters())
	if row := r.row("a"); row.State != query.StateAwaiting || !strings.Contains(row.Message, "drover agent manifest --cluster a") {
		t.Errorf("before joining the row is %+v", row)
	}
	r.join("a", "b")
	b := r.await("b", "published", func(protocol.Bundle) bool { return true })
	if b.Generation != 1 || len(b.Apps) != 3 || b.Incomplete != "" {
		t.Errorf("bundle = %+v", b)
	}
	if got := r.lines("b", b, "web"); !strings.Contains(got, `"name":"b-web"`) || !strings.Contains(got, `"value":"one"`) {
		t.Errorf("web = %s", got)
	}
	if got := r.lines("b", b, "root"); !strings.Contains(got, `"name":"settings"`) || strings.Contains(got, "App") {
		t.Errorf("root = %s", got)
	}
	a := r.await("a", "published", func(protocol.Bundle) bool { return true })
	if appOf(a, "extra").Blob.ID() != appOf(b, "extra").Blob.ID() {
		t.Error("the same folder is two blobs for two clusters")
	}
	if appOf(a, "root") != nil {
		t.Error("a folder that holds nothing but Apps has a root app")
	}
}

func TestACommitReachesOnlyWhomItConcerns(t *testing.T) {
	t.Parallel()
	r := newRig(t, twoClusters())
	r.join("a", "b")
	r.await("a", "published", func(protocol.Bundle) bool { return true })
	r.await("b", "published", func(protocol.Bundle) bool { return true })

	r.push("overlay", map[string]string{"apps/web/overlays/a/kustomization.yaml": "resources: [../../base]\nnamePrefix: a2-\n"})
	a := r.await("a", "generation 2", func(b protocol.Bundle) bool { return b.Generation == 2 })
	if got := r.lines("a", a, "web"); !strings.Contains(got, "a2-web") {
		t.Errorf("web of a = %s", got)
	}
	if b, _ := r.bundle("b"); b.Generation != 1 {
		t.Errorf("b is at generation %d after a commit that is not about it", b.Generation)
	}
	if row := r.row("b"); row.Desired.Subject != "overlay" {
		t.Errorf("b is shown at %q; the newest revision asks the same of it", row.Desired.Subject)
	}

	r.push("base", map[string]string{"apps/web/base/config.yaml": configMap("web", "two")})
	for name, generation := range map[string]uint64{"a": 3, "b": 2} {
		b := r.await(name, "the base", func(b protocol.Bundle) bool { return b.Generation == generation })
		if got := r.lines(name, b, "web"); !strings.Contains(got, `"value":"two"`) {
			t.Errorf("web of %s = %s", name, got)
		}
	}

	r.push("readme", map[string]string{"README.md": "words", "apps/other/config.yaml": configMap("other", "")})
	if a, _ := r.bundle("a"); a.Generation != 3 {
		t.Errorf("a is at generation %d after a commit that concerns nobody", a.Generation)
	}
}

// A kustomization may look for a file in vain, and a folder may gain a file: neither is a change of anything that was
// read.
func TestWhatWasLookedForInVainCounts(t *testing.T) {
	t.Parallel()
	files := twoClusters()
	files["clusters/a/more.yaml"] = app("late", "./apps/late", "")
	r := newRig(t, files)
	r.join("a")
	b := r.await("a", "published", func(protocol.Bundle) bool { return true })
	if e := appOf(b, "late").Error; !strings.Contains(e, "clusters/a/more.yaml:5") || !strings.Contains(e, "does not exist") {
		t.Errorf("an App whose path does not exist says %q", e)
	}
	r.push("late comes", map[string]string{"apps/late/config.yaml": configMap("late", "1")})
	r.await("a", "late is rendered", func(b protocol.Bundle) bool { return appOf(b, "late").Blob != nil && appOf(b, "late").Error == "" })
	r.push("one more file", map[string]string{"apps/late/deep/second.yaml": configMap("second", "1")})
	b = r.await("a", "the new file", func(b protocol.Bundle) bool { return appOf(b, "late").Blob.Objects == 2 })
	if got := r.lines("a", b, "late"); !strings.Contains(got, `"name":"second"`) {
		t.Errorf("late = %s", got)
	}
}

func TestABrokenAppKeepsItsLastGoodState(t *testing.T) {
	t.Parallel()
	r := newRig(t, twoClusters())
	r.join("a")
	before := r.await("a", "published", func(protocol.Bundle) bool { return true })

	r.push("broken", map[string]string{"apps/web/base/kustomization.yaml": brokenBase, "apps/extra/config.yaml": configMap("extra", "y")})
	b := r.await("a", "generation 2", func(b protocol.Bundle) bool { return b.Generation == 2 })
	web := appOf(b, "web")
	if web.Blob == nil || web.Blob.Digest != appOf(before, "web").Blob.Digest {
		t.Error("the broken app lost its last good blob")
	}
	if !strings.Contains(web.Error, "apps/web/base/kustomization.yaml") || !strings.Contains(web.Error, "confg.yaml") {
		t.Errorf("its error names neither the file nor the entry: %q", web.Error)
	}
	if got := r.lines("a", b, "extra"); !strings.Contains(got, `"value":"y"`) {
		t.Errorf("the other app did not go on: %s", got)
	}
	if row := r.row("a"); !strings.Contains(row.Message, "app web: ") {
		t.Errorf("status says %q", row.Message)
	}

	r.git("revert", "--no-edit", "HEAD")
	r.await("a", "the revert", func(b protocol.Bundle) bool {
		return b.Generation == 3 && appOf(b, "web").Error == "" && b.Digest() == before.Digest()
	})
}

func TestWhatCannotBeReadIsNotTakenForGone(t *testing.T) {
	t.Parallel()
	r := newRig(t, twoClusters())
	r.join("a", "b")
	first := r.await("a", "published", func(protocol.Bundle) bool { return true })
	r.await("b", "published", func(protocol.Bundle) bool { return true })

	t.Run("a file that is no YAML may hold Apps", func(t *testing.T) {
		r.push("bad yaml", map[string]string{"clusters/a/apps.yaml": "apiVersion: v1\n  kind: [\n"})
		b := r.await("a", "generation 2", func(b protocol.Bundle) bool { return b.Generation == 2 })
		if !strings.Contains(b.Incomplete, "clusters/a/apps.yaml:") {
			t.Errorf("the bundle does not say that it is incomplete: %q", b.Incomplete)
		}
		for _, name := range []string{"web", "extra"} {
			if a := appOf(b, name); a == nil || a.Blob == nil || a.Blob.Digest != appOf(first, name).Blob.Digest {
				t.Errorf("app %s lost its place: %+v", name, a)
			}
		}
		if row := r.row("a"); !strings.Contains(row.Message, "clusters/a/apps.yaml:2") {
			t.Errorf("status says %q", row.Message)
		}
		r.push("mended", map[string]string{"clusters/a/apps.yaml": twoClusters()["clusters/a/apps.yaml"]})
		r.await("a", "mended", func(b protocol.Bundle) bool { return b.Digest() == first.Digest() })
	})
	t.Run("clusters/ is gone", func(t *testing.T) {
		before, _ := r.bundle("a")
		r.push("no clusters", map[string]string{"clusters": ""})
		if s := r.hub.State().Source(); !strings.Contains(s.Error, "clusters/ does not exist") {
			t.Errorf("the source's error is %q", s.Error)
		}
		if after, _ := r.bundle("a"); after.Generation != before.Generation {
			t.Error("a bundle was published for it")
		}
		if row := r.row("a"); row.State == query.StateReleased {
			t.Error("the clusters were released")
		}
		r.write(twoClusters())
		r.commit("back")
		r.until("the source is fine again", func() bool { return r.hub.State().Source().Error == "" })
	})
	t.Run("a folder that is a link to nowhere", func(t *testing.T) {
		before, _ := r.bundle("b")
		r.write(map[string]string{"clusters/b": ""})
		if err := os.Symlink("nowhere", filepath.Join(r.repo, "clusters/b")); err != nil {
			t.Fatal(err)
		}
		r.push("b leads nowhere", nil)
		if row := r.row("b"); row.State == query.StateReleased || !strings.Contains(row.Message, "clusters/b cannot be read") {
			t.Errorf("b is %s, %s", row.State, row.Message)
		}
		if after, ok := r.bundle("b"); !ok || len(after.Apps) != len(before.Apps) {
			t.Errorf("its apps are %v", after.Apps)
		}
		r.write(map[string]string{"clusters/b": ""})
		r.push("b is a folder again", twoClusters())
	})
	t.Run("a folder whose name is no DNS label", func(t *testing.T) {
		r.push("such a name", map[string]string{"clusters/Bad_Name/x.yaml": configMap("x", "1")})
		if got := r.names(); got != "a b bad-name-5076bbac" || len(r.hub.State().Source().Problems) > 0 {
			t.Errorf("clusters = %s, problems %q", got, r.hub.State().Source().Problems)
		}
	})
}

func TestTwoAppsThatClaimOneObject(t *testing.T) {
	t.Parallel()
	r := newRig(t, twoClusters())
	r.join("a")
	first := r.await("a", "published", func(protocol.Bundle) bool { return true })
	r.push("thief", map[string]string{
		"apps/thief/config.yaml":   configMap("extra", "stolen") + "---\n" + configMap("other", "1"),
		"clusters/a/thief.yaml":    app("thief", "apps/thief", ""),
		"apps/extra/config.yaml":   configMap("extra", "moved on"),
		"clusters/a/twin-one.yaml": app("twin-one", "apps/twins", ""),
		"clusters/a/twin-two.yaml": app("twin-two", "apps/twin", ""),
		"apps/twins/config.yaml":   configMap("twins", "1"),
		"apps/twin/config.yaml":    configMap("twins", "2"),
	})
	b := r.await("a", "the rendered apps", func(b protocol.Bundle) bool {
		return b.Generation > 1 && appOf(b, "twin-two") != nil && settled(b)
	})
	if x := appOf(b, "extra"); x.Error != "" || x.Blob.Digest == appOf(first, "extra").Blob.Digest {
		t.Errorf("the app that had the object did not go on: %+v", x)
	}
	if got := r.lines("a", b, "thief"); strings.Contains(got, "stolen") || !strings.Contains(got,
		`"name":"other"`) || appOf(b, "thief").Error != "" {
		t.Errorf("the app that claims it too is to go on without it: %s, %+v", got, appOf(b, "thief"))
	}
	owner, other := "twin-one", "twin-two" // the other way round only if the first took so long that the second was delivered alone
	if !strings.Contains(r.lines("a", b, owner), "twins") {
		owner, other = other, owner
	}
	if got := r.lines("a", b, owner); !strings.Contains(got, "twins") {
		t.Errorf("of two newcomers none has it: %s", got)
	}
	if got := r.lines("a", b, other); strings.Contains(got, "twins") {
		t.Errorf("of two newcomers both have it: %s", got)
	}
	c, _ := r.hub.State().Get("a")
	var notes []string
	for _, n := range c.Notes {
		notes = append(notes, n.String())
	}
	for _, want := range []string{
		"clusters/a/thief.yaml: ConfigMap/web/extra: the app thief goes on without it, since the app extra " +
			"(apps/extra) has it and declares it otherwise",
		"ConfigMap/web/twins: the app " + other + " goes on without it, since the app " + owner,
	} {
		if !strings.Contains(strings.Join(notes, "\n"), want) {
			t.Errorf("%q is not said: %q", want, notes)
		}
	}
	again := r.after("a", "the owner stays the owner", map[string]string{"apps/extra/config.yaml": configMap("extra",
		"moved on again")})
	if !strings.Contains(r.lines("a", again, owner), "twins") || strings.Contains(r.lines("a", again, other), "twins") {
		t.Errorf("the object went from %s to %s", owner, other)
	}
	last := r.after("a", "the owner goes", map[string]string{"clusters/a/" + owner + ".yaml": ""})
	if appOf(last, owner) != nil || !strings.Contains(r.lines("a", last, other), "twins") {
		t.Errorf("the object did not go to %s: %+v", other, last.Apps)
	}
}

// TestATenantTakesNothingByClaimingIt: an app that is bound to an account had the object first, and then breaks what it
// renders, so that it stays at what it had. What is declared without an account has the object all the same, in the
// same bundle in which the tenant's app loses it.
func TestATenantTakesNothingByClaimingIt(t *testing.T) {
	t.Parallel()
	files := twoClusters()
	files["clusters/a/tenant.yaml"] = app("tenant", "apps/tenant", "  serviceAccount: web/tenant\n")
	files["apps/tenant/config.yaml"] = configMap("wanted", "of the tenant") + "---\n" + configMap("own", "1")
	r := newRig(t, files)
	r.join("a")
	first := r.await("a", "published", func(b protocol.Bundle) bool { return settled(b) && appOf(b, "tenant") != nil })
	if got := r.lines("a", first, "tenant"); !strings.Contains(got, "wanted") {
		t.Fatalf("the tenant does not have the object: %s", got)
	}
	r.after("a", "the tenant breaks its folder",
		map[string]string{"apps/tenant/kustomization.yaml": "resources: [none.yaml]\n"})
	r.push("the platform declares it", map[string]string{"apps/extra/config.yaml": configMap("extra", "x") +
		"---\n" + configMap("wanted", "of the platform")})
	b := r.await("a", "the platform's", func(b protocol.Bundle) bool {
		return settled(b) && strings.Contains(r.lines("a", b, "extra"), "of the platform")
	})
	tenant := appOf(b, "tenant")
	if got := r.lines("a", b, "tenant"); strings.Contains(got, "wanted") || !strings.Contains(got, `"name":"own"`) ||
		tenant.Error == "" {
		t.Errorf("the tenant is to keep all but the object: %s, %+v", got, tenant)
	}
	r.restart(func() {})
	after := r.after("a", "and it stays so", map[string]string{"apps/web/base/config.yaml": configMap("web", "two")})
	if got := r.lines("a", after, "tenant"); strings.Contains(got, "wanted") || !strings.Contains(got, `"name":"own"`) {
		t.Errorf("the tenant is to keep all but the object: %s", got)
	}
	if got := r.lines("a", after, "extra"); !strings.Contains(got, "of the platform") {
		t.Errorf("the platform's app lost the object: %s", got)
	}
}

func TestNothingIsLostWithTheStore(t *testing.T) {
	t.Parallel()
	for name, lose := range map[string][]string{
		"nothing":           nil,
		"the store":         {"hub.db"},
		"the bus":           {"nats"},
		"the store and bus": {"hub.db", "nats"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, twoClusters())
			r.join("a")
			r.await("a", "published", func(protocol.Bundle) bool { return true })
			r.push("second", map[string]string{"apps/extra/config.yaml": configMap("extra", "2")})
			before := r.await("a", "generation 2", func(b protocol.Bundle) bool { return b.Generation == 2 })
			report := func(rep *protocol.Report) {
				rep.Generation, rep.Digest, rep.Revision = before.Generation, before.Digest(), before.Revision
			}
			r.report("a", report)
			r.until("the report is in", func() bool { return r.row("a").Synced })
			r.restart(func() {
				for _, f := range lose {
					if err := os.RemoveAll(filepath.Join(r.data, f)); err != nil {
						t.Fatal(err)
					}
				}
			})
			r.report("a", report) // as an agent does after it connected again
			after := r.await("a", "what was asked for", func(b protocol.Bundle) bool {
				return b.Digest() == before.Digest() && b.Generation >= before.Generation
			})
			if got := r.lines("a", after, "extra"); !strings.Contains(got, `"value":"2"`) {
				t.Errorf("extra = %s", got)
			}
			r.push("third", map[string]string{"apps/extra/config.yaml": configMap("extra", "3")})
			r.await("a", "the generation goes on rising", func(b protocol.Bundle) bool {
				return b.Generation > before.Generation && strings.Contains(r.lines("a", b, "extra"), `"value":"3"`)
			})
		})
	}
}

func TestAnAgentAheadOfTheHubIsOvertaken(t *testing.T) {
	t.Parallel()
	r := newRig(t, twoClusters())
	r.join("a")
	r.await("a", "published", func(protocol.Bundle) bool { return true })
	r.report("a", func(rep *protocol.Report) { rep.Generation, rep.Digest = 57, "of a hub that was lost" })
	r.await("a", "generation 58", func(b protocol.Bundle) bool { return b.Generation == 58 })
}

func TestStatusFollowsTheAgent(t *testing.T) {
	t.Parallel()
	r := newRig(t, twoClusters())
	r.join("a")
	r.agent("a")
	r.until("connected", func() bool { return r.row("a").State == query.StateConnected })
	b := r.await("a", "published", func(protocol.Bundle) bool { return true })
	r.report("a", func(rep *protocol.Report) {
		rep.Generation, rep.Digest, rep.Revision = b.Generation, b.Digest(), b.Revision
		rep.Apps = []protocol.AppReport{{Name: "web", Phase: protocol.PhaseHealthy, Health: protocol.HealthCurrent, Objects: 1, Current: 1}}
	})
	r.until("synced", func() bool { return r.row("a").Synced })
	r.agents["a"].Close()
	delete(r.agents, "a")
	r.until("offline", func() bool { return r.row("a").State == query.StateOffline })
	if row := r.row("a"); row.Since.IsZero() || time.Since(row.Since) > patience || row.Health == protocol.HealthUnknown {
		t.Errorf("an offline cluster shows %+v; its age and what was known are to be kept", row)
	}
}

// What a person who takes the hub's disk finds, apart from the folder keys/, tells them nothing.
func TestNoSecretIsInTheClearOnDisk(t *testing.T) {
	t.Parallel()
	files := twoClusters()
	files["apps/extra/secret.yaml"] = "apiVersion: v1\nkind: Secret\nmetadata: {name: visible-name, namespace: web}\nstringData: {password: correct-horse}\n"
	r := newRig(t, files)
	r.join("a")
	b := r.await("a", "published", func(protocol.Bundle) bool { return true })
	if got := r.lines("a", b, "extra"); !strings.Contains(got, "correct-horse") {
		t.Fatalf("the secret is not in the bundle: %s", got)
	}
	r.stop()
	read := 0
	err := filepath.WalkDir(r.data, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		read += len(data)
		for _, word := range []string{"correct-horse", "visible-name", "kind\":\"Secret"} {
			if bytes.Contains(data, []byte(word)) {
				t.Errorf("%s holds %q", path, word)
			}
		}
		return nil
	})
	if err != nil || read < 1000 {
		t.Errorf("%d bytes were read, %v", read, err)
	}
}

// While the bus is away the hub says so, and goes on by itself when it is back.
func TestABusThatIsAwayIsShown(t *testing.T) {
	t.Parallel()
	r := newRig(t, twoClusters())
	r.remote = true // or else the bus would not outlive its server
	r.restart(nil)
	r.join("a")
	r.await("a", "published", func(protocol.Bundle) bool { return true })
	r.server.Close()
	r.agents["a"].Close()
	delete(r.agents, "a")
	r.write(map[string]string{"apps/extra/config.yaml": configMap("extra", "late")})
	r.commit("while NATS is away")
	r.until("the hub says that it is stalled", func() bool { return r.hub.State().Source().Stalled != "" })
	r.serve(r.hub.Log)
	r.until("the hub goes on", func() bool { return r.hub.State().Source().Stalled == "" })
	b := r.await("a", "the late commit", func(b protocol.Bundle) bool { return b.Generation == 2 })
	if got := r.lines("a", b, "extra"); !strings.Contains(got, `"value":"late"`) {
		t.Errorf("extra = %s", got)
	}
}
