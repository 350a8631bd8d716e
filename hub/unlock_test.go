package hub_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"filippo.io/age"

	"github.com/drover-dev/drover/hub/api"
	"github.com/drover-dev/drover/hub/keys"
	"github.com/drover-dev/drover/hub/keys/keystest"
	"github.com/drover-dev/drover/hub/model"
	"github.com/drover-dev/drover/hub/resolve"
	"github.com/drover-dev/drover/protocol"
)

// marker is in every value that is encrypted in these tests: it may be in blobs that are for one cluster, and
// nowhere else.
const marker = "tops3cretmark"

// unlockScene is a scene with a folder of keys of the hub.
type unlockScene struct {
	*scene
	keys  string
	to    *age.X25519Recipient
	store *memos
}

// memos is a store that shows what it was told.
type memos struct {
	memos map[string][]byte
	blobs map[string][]byte
}

func (m *memos) Memo(key string) ([]byte, error) { return m.memos[key], nil }
func (m *memos) Blob(id string) ([]byte, error)  { return m.blobs[id], nil }

// flushed has the store told what is to be stored.
func (b *unlockScene) flushed() {
	b.t.Helper()
	if err := b.resolver.Flush(func(u resolve.Unsaved) error {
		maps.Copy(b.store.memos, u.Memos)
		for _, p := range u.Blobs {
			b.store.blobs[p.Ref.ID()] = p.Sealed
		}
		return nil
	}); err != nil {
		b.t.Fatal(err)
	}
}

// newUnlockScene makes the scene; text is given the recipient of the key "platform".
func newUnlockScene(t *testing.T, text func(to *age.X25519Recipient) string) *unlockScene {
	dir := t.TempDir()
	b := &unlockScene{keys: dir, to: keystest.Key(t, dir, "platform"), store: &memos{map[string][]byte{}, map[string][]byte{}}}
	b.scene = newScene(t, text(b.to))
	holder := keys.New(dir, must(os.Executable()), asKeys)
	t.Cleanup(holder.Close)
	b.with(func(c *resolve.Config) { c.Keys, c.Store = holder, b.store })
	return b
}

// app is the app of a resolution that an object declares.
func resultOf(t *testing.T, res resolve.Resolution, declared string) resolve.AppResult {
	t.Helper()
	for _, a := range res.Apps {
		if a.App.Declared == declared {
			return a
		}
	}
	t.Fatalf("nothing is declared by %s", declared)
	return resolve.AppResult{}
}

// said is all of a resolution that people may be told: everything but what is in blobs.
func said(t *testing.T, res resolve.Resolution) string {
	t.Helper()
	out := doubts(res) + fmt.Sprintf("%v", res.Notes())
	for _, a := range res.Apps {
		data, err := json.Marshal(a.App)
		if err != nil {
			t.Fatal(err)
		}
		refs, err := json.Marshal(a.Refs)
		if err != nil {
			t.Fatal(err)
		}
		out += string(data) + string(refs) + a.Err
	}
	return out
}

// quotes says whether a text has the marker in it, in one of the ways in which it might be written.
func quotes(text string) bool {
	for _, coded := range regexp.MustCompile(`[A-Za-z0-9+/]{8,}={0,2}`).FindAllString(text, -1) {
		if raw, err := base64.StdEncoding.DecodeString(coded[:len(coded)/4*4]); err == nil && strings.Contains(string(raw), marker) {
			return true
		}
	}
	return strings.Contains(text, marker)
}

// platformProject is the project of what no project is named for, with the key.
func platformProject(more string) string {
	return "-- clusters/staging/project.yaml --\napiVersion: drover.dev/v1alpha1\nkind: Project\nmetadata: " +
		"{name: default}\n" +
		"spec: {sources: [\"*\"], namespaces: [\"*\"], clusterKinds: {allow: [{group: \"*\", kind: \"*\"}]}, " +
		"credentials: []" + more + "}\n"
}

// homes is a repository with encrypted cluster-secrets, and apps that take variables and values from it.
func homes(to *age.X25519Recipient, t *testing.T, project string) string {
	secret := keystest.Secret(t, "flux-system", "cluster-secrets", map[string]any{"DOMAIN": marker + ".example.net", "PORT": "8443"}, to)
	values := keystest.Secret(t, "web", "web-values", map[string]any{"values.yaml": "db: {password: " + marker + "-db, replicas: 3}\n",
		"token": marker + "-token"}, to)
	return fluxSync + project + `
-- vars/settings.yaml --
apiVersion: v1
kind: ConfigMap
metadata: {name: cluster-settings, namespace: flux-system}
data: {TZ: UTC}
-- vars/secrets.yaml --
` + secret + `
-- vars/values.yaml --
` + values + `
-- clusters/staging/vars.yaml --
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: vars, namespace: flux-system}
spec:
  path: ./vars
  prune: true
  sourceRef: {kind: GitRepository, name: flux-system}
  decryption: {provider: sops}
-- clusters/staging/apps.yaml --
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: apps, namespace: flux-system}
spec:
  path: ./apps
  prune: true
  sourceRef: {kind: GitRepository, name: flux-system}
  postBuild:
    substituteFrom:
    - {kind: ConfigMap, name: cluster-settings}
    - {kind: Secret, name: cluster-secrets}
-- apps/ingress.yaml --
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: web, namespace: web}
spec:
  rules: [{host: "app.${DOMAIN}"}]
  tls: [{secretName: "${TZ}"}]
-- apps/config.yaml --
apiVersion: v1
kind: ConfigMap
metadata: {name: web, namespace: web}
data: {domain: "${DOMAIN}", escaped: "$${DOMAIN}"}
-- apps/web.yaml --
apiVersion: helm.toolkit.fluxcd.io/v2
kind: HelmRelease
metadata: {name: web, namespace: web}
spec:
  interval: 1h
  chart: {spec: {chart: ./charts/web, sourceRef: {kind: GitRepository, name: flux-system, namespace: flux-system}}}
  valuesFrom:
  - {kind: Secret, name: web-values}
  - {kind: Secret, name: web-values, valuesKey: token, targetPath: auth.token}
  values: {host: "app.${DOMAIN}", port: "${PORT}", dashed: "${DOMAIN/./-}"}
-- charts/web/Chart.yaml --
apiVersion: v2
name: web
version: 0.1.0
-- charts/web/templates/a.yaml --
apiVersion: v1
kind: ConfigMap
metadata: {name: web-chart, annotations: {checksum: "{{ .Values | toYaml | sha256sum }}"}}
data:
  host: {{ upper .Values.host }}
  next: {{ add1 .Values.port | quote }}
  dashed: {{ .Values.dashed }}
  labels: {{ len (splitList "." .Values.host) | quote }}
  password: {{ .Values.db.password | b64enc }}
  replicas: {{ .Values.db.replicas | quote }}
  token: {{ .Values.auth.token }}
`
}

const permitsKey = ", hubKeys: [platform]"

// TestTheHubDecryptsWhatAProjectPermits: variables of a Kustomization, and single values and whole documents of a
// chart that
// computes with them. What it knows of the apps beside is without the values, and so is what it stores.
func TestTheHubDecryptsWhatAProjectPermits(t *testing.T) {
	t.Parallel()
	b := newUnlockScene(t, func(to *age.X25519Recipient) string { return homes(to, t, platformProject(permitsKey)) })
	res := b.keyed("staging", nil)
	if text := doubts(res); strings.Contains(text, "web") || len(res.Cluster.Problems) > 0 {
		t.Fatalf("%s %v", text, res.Cluster.Problems)
	}
	for declared, wants := range map[string][]string{
		"Kustomization flux-system/apps": {`"host":"app.` + marker + `.example.net"`, `"secretName":"UTC"`, `"domain":"` + marker + `.example.net"`,
			`"escaped":"${DOMAIN}"`},
		"HelmRelease web/web": {`"host":"APP.` + strings.ToUpper(marker) + `.EXAMPLE.NET"`, `"next":"8444"`, `"dashed":"` + marker + `-example.net"`,
			`"labels":"4"`, `"replicas":"3"`, `"token":"` + marker + `-token"`,
			`"password":"` + base64.StdEncoding.EncodeToString([]byte(marker+"-db")) + `"`},
		"Kustomization flux-system/vars": {`"DOMAIN":"` + marker + `.example.net"`},
	} {
		a := resultOf(t, res, declared)
		if a.Ref == nil || !a.Ref.Secret {
			t.Fatalf("%s has %+v: %s", declared, a.Ref, a.Err)
		}
		text := b.rendered(a)
		for _, want := range wants {
			if !strings.Contains(text, want) {
				t.Errorf("%s: %s is not in\n%s", declared, want, text)
			}
		}
		if strings.Contains(text, "zq") || strings.Contains(text, "ENC[") {
			t.Errorf("%s has a token or ciphertext:\n%s", declared, text)
		}
		if h := a.App.Handling; h.Substitute != nil || h.Opaque != nil || !slices.Contains(h.Needs(), protocol.NeedDecrypt) {
			t.Errorf("%s: the agent is told %+v", declared, h)
		}
	}
	b.flushed()
	if text := said(t, res); quotes(text) {
		t.Errorf("it says %s", text)
	}
	for key, data := range b.store.memos {
		if quotes(key + string(data)) {
			t.Errorf("it remembers %s: %s", key, data)
		}
	}
	secret := 0
	for _, data := range b.store.memos { // nothing that any cluster may have has a value in it
		var renders []resolve.Render
		if json.Unmarshal(data, &renders) != nil {
			continue
		}
		for _, r := range renders {
			for _, ref := range []*protocol.Blob{&r.Ref, r.Sealed} {
				if ref == nil || len(ref.Key) == 0 {
					continue
				}
				if ref.Secret {
					secret++
					continue
				}
				objects, err := b.resolver.Objects(*ref)
				if err != nil {
					t.Fatal(err)
				}
				for _, o := range objects {
					if quotes(string(o.JSON)) {
						t.Errorf("a blob for all clusters has %s", o.JSON)
					}
				}
			}
		}
	}
	if secret == 0 {
		t.Error("no blob is for one cluster")
	}
	// The next run finds everything, without a key for it in memory, and gives the same.
	b.with(func(*resolve.Config) {})
	again := b.keyed("staging", nil)
	for i, a := range again.Apps {
		if a.Ref == nil || res.Apps[i].Ref == nil || a.Ref.ID() != res.Apps[i].Ref.ID() {
			t.Errorf("%s is another one after a restart", a.App.Declared)
		}
	}
}

// TestNoOtherClusterHasABlobWithValues: two clusters with the same render share blobs, but for those.
func TestNoOtherClusterHasABlobWithValues(t *testing.T) {
	t.Parallel()
	b := newUnlockScene(t, func(to *age.X25519Recipient) string {
		tree := homes(to, t, platformProject(permitsKey))
		for name, text := range files(tree) {
			if strings.HasPrefix(name, "clusters/staging/") {
				tree += "-- " + strings.Replace(name, "staging", "other", 1) + " --\n" + strings.ReplaceAll(text, "clusters/staging", "clusters/other")
			}
		}
		return tree + "-- plain/cm.yaml --\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: plain, namespace: web}\n" +
			"-- clusters/staging/plain.yaml --\napiVersion: drover.dev/v1alpha1\nkind: App\nmetadata: {name: " +
			"plain}\nspec: {path: plain}\n" +
			"-- clusters/other/plain.yaml --\napiVersion: drover.dev/v1alpha1\nkind: App\nmetadata: {name: " +
			"plain}\nspec: {path: plain}\n"
	})
	ids := map[string]map[string]protocol.Blob{}
	for _, cluster := range []string{"staging", "other"} {
		ids[cluster] = map[string]protocol.Blob{}
		for _, a := range b.keyed(cluster, nil).Apps {
			if a.Ref != nil {
				ids[cluster][a.App.Name] = *a.Ref
			}
		}
	}
	secret := 0
	for app, one := range ids["staging"] {
		other, ok := ids["other"][app]
		if !ok {
			continue
		}
		if shared := one.ID() == other.ID(); shared == one.Secret {
			t.Errorf("%s is shared: %v, and has values: %v", app, shared, one.Secret)
		}
		if one.Secret {
			secret++
			sealed, err := b.resolver.Blob(other)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := model.Unpack(model.Packed{Ref: one, Sealed: sealed}); err == nil {
				t.Errorf("%s: the key of one cluster opens the blob of another", app)
			}
		}
	}
	if secret < 3 {
		t.Errorf("%d apps have values: %v", secret, ids)
	}
}

// TestNothingIsDecryptedWithoutPermission: not without a project, not with one that permitsKey no key or another
// one, not for
// a tenant whose project is another, and not with a key that does not fit.
func TestNothingIsDecryptedWithoutPermission(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ project, want string }{
		"no project": {"", "which is not delivered|whose content only the cluster knows (it is " +
			"encrypted with SOPS)"},
		"no key": {platformProject(""), "whose content only the cluster knows (it is encrypted " +
			"with SOPS)"},
		"a key that there is not": {platformProject(", hubKeys: [none]"), "the hub has none of this name"},
		"a key that does not fit": {platformProject(", hubKeys: [other]"), "none of the keys fits"},
		"a key by a path":         {platformProject(", hubKeys: [../platform]"), "is no name of a key"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newUnlockScene(t, func(to *age.X25519Recipient) string { return homes(to, t, c.project) })
			keystest.Key(t, b.keys, "other")
			res := b.keyed("staging", nil)
			for _, a := range res.Apps {
				if a.Ref == nil {
					continue
				}
				if text := b.rendered(a); quotes(text) || a.Ref.Secret {
					t.Errorf("%s has %s", a.App.Declared, text)
				}
			}
			got, is := doubts(res)+fmt.Sprint(res.Notes()), false
			for want := range strings.SplitSeq(c.want, "|") {
				is = is || strings.Contains(got, want)
			}
			if !is || quotes(said(t, res)) {
				t.Errorf("the chart says %q, want %q", got, c.want)
			}
		})
	}
}

// TestATenantHasNoKeyOfThePlatform: its project permitsKey another one. It copies the platform's files into its
// folder, names
// the platform's objects.
func TestATenantHasNoKeyOfThePlatform(t *testing.T) {
	t.Parallel()
	for _, account := range []string{"", ", serviceAccount: team/deployer"} {
		b := newUnlockScene(t, func(to *age.X25519Recipient) string {
			tree := homes(to, t, platformProject(permitsKey))
			secret := files(tree)["vars/secrets.yaml"]
			return tree + "-- clusters/staging/team.yaml --\napiVersion: drover.dev/v1alpha1\nkind: Project\nmetadata: " +
				"{name: team}\n" +
				"spec: {sources: [\"./team/**\", \"./team\", \"./charts/**\"], namespaces: [team, flux-system], hubKeys: " +
				"[team]" + account + "}\n" +
				"---\napiVersion: drover.dev/v1alpha1\nkind: App\nmetadata: {name: team}\nspec: {path: team/apps, " +
				"project: team, namespace: team, decryption: {provider: sops}}\n" +
				"-- team/apps/copy.yaml --\n" + strings.ReplaceAll(secret, `"namespace":"flux-system"`, `"namespace":"team"`) +
				"-- team/apps/app.yaml --\napiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: " +
				"steal, namespace: team}\n" +
				"spec:\n  path: ./team/below\n  sourceRef: {kind: GitRepository, name: flux-system, namespace: flux-system}\n" +
				"  decryption: {provider: sops}\n" +
				"  postBuild: {substituteFrom: [{kind: Secret, name: cluster-secrets}]}\n" +
				"-- team/below/cm.yaml --\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: loot, namespace: " +
				"team}\ndata: {loot: \"${DOMAIN}\"}\n" +
				"-- team/below/copy.yaml --\n" + strings.ReplaceAll(strings.ReplaceAll(secret, `"namespace":"flux-system"`, `"namespace":"team"`),
				`"cluster-secrets"`, `"again"`)
		})
		keystest.Key(t, b.keys, "team")
		res := b.keyed("staging", nil)
		seen := 0
		for _, a := range res.Apps {
			if a.App.Bounds == nil || a.App.Bounds.Project.Name != "team" {
				continue
			}
			if seen++; a.Ref == nil {
				t.Errorf("%s stops before it would be decrypted: %s", a.App.Declared, a.Err)
			} else if a.Ref.Secret || quotes(b.rendered(a)) {
				t.Errorf("%s has %s", a.App.Declared, b.rendered(a))
			}
		}
		if seen != 2 || quotes(said(t, res)) {
			t.Errorf("%d apps of the tenant; %s", seen, said(t, res))
		}
	}
}

// TestObjectsAreNotNamedByWhatIsDecrypted: who is told of an object would be told the value. Such apps are left to
// the
// agent, or stop.
func TestObjectsAreNotNamedByWhatIsDecrypted(t *testing.T) {
	t.Parallel()
	b := newUnlockScene(t, func(to *age.X25519Recipient) string {
		tree := homes(to, t, platformProject(permitsKey))
		return tree + "-- apps/named.yaml --\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: \"${DOMAIN/./-}\", " +
			"namespace: web}\n" +
			"-- charts/web/templates/b.yaml --\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: \"{{ " +
			".Values.auth.token }}\"}\n"
	})
	res := b.keyed("staging", nil)
	apps, web := resultOf(t, res, "Kustomization flux-system/apps"), resultOf(t, res, "HelmRelease web/web")
	if apps.Ref == nil || apps.Ref.Secret || apps.App.Handling.Substitute == nil || quotes(b.rendered(apps)) {
		t.Errorf("the Kustomization has %+v, %+v: %s", apps.Ref, apps.App.Handling, apps.Err)
	}
	if web.Ref != nil || !strings.Contains(web.Err, "follows from a value that the hub decrypts") {
		t.Errorf("the chart has %+v: %s", web.Ref, web.Err)
	}
	if text := said(t, res); quotes(text) || !strings.Contains(text, "it is left to the agent") {
		t.Errorf("it says %s", text)
	}
}

// TestNoErrorQuotesWhatIsDecrypted: a chart that fails with a value, and YAML that a value breaks.
func TestNoErrorQuotesWhatIsDecrypted(t *testing.T) {
	t.Parallel()
	for name, template := range map[string]string{
		"fail":      "{{ if contains \"" + marker[:4] + "\" .Values.host }}{{ fail .Values.host }}{{ end }}\n",
		"no YAML":   "{{ .Values.auth.token }}: [\n",
		"no object": "{{ .Values.auth.token }}\n",
		"a function": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {a: {{ .Values.db.password | " +
			"fromJson | toString | fail }}}\n",
	} {
		b := newUnlockScene(t, func(to *age.X25519Recipient) string {
			return homes(to, t, platformProject(permitsKey)) + "-- charts/web/templates/b.yaml --\n" + template
		})
		res := b.keyed("staging", nil)
		if a := resultOf(t, res, "HelmRelease web/web"); a.Err == "" || quotes(said(t, res)) {
			t.Errorf("%s: it says %s", name, said(t, res))
		}
	}
	for name, value := range map[string]string{"an alias": "*" + marker, "a bracket": "[" + marker, "a variable": "${" + marker, "a line": "x\n" + marker + ": ]"} {
		b := newUnlockScene(t, func(to *age.X25519Recipient) string {
			return homes(to, t, platformProject(permitsKey)) + "-- vars/secrets.yaml --\n" +
				keystest.Secret(t, "flux-system", "cluster-secrets", map[string]any{"DOMAIN": value, "PORT": "1"}, to) + "\n" +
				"-- apps/ingress.yaml --\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: bare, namespace: web}\ndata: " +
				"{v: \"${DOMAIN}\", w: ${DOMAIN}}\n"
		})
		if res := b.keyed("staging", nil); quotes(said(t, res)) {
			t.Errorf("%s: it says %s", name, said(t, res))
		}
	}
}

// TestKeysAreRotatedWithoutAChangeForTheClusters: files that are encrypted for another key give the same blobs.
func TestKeysAreRotatedWithoutAChangeForTheClusters(t *testing.T) {
	t.Parallel()
	var tree string
	b := newUnlockScene(t, func(to *age.X25519Recipient) string { tree = homes(to, t, platformProject(permitsKey)); return tree })
	before := b.keyed("staging", nil)
	next := keystest.Key(t, b.keys, "platform") // in place of the other
	b.commit("-- vars/secrets.yaml --\n" + files(homes(next, t, ""))["vars/secrets.yaml"] +
		"-- vars/values.yaml --\n" + files(homes(next, t, ""))["vars/values.yaml"])
	after := b.keyed("staging", nil)
	for i, a := range after.Apps {
		if a.Err != "" || a.Ref.ID() != before.Apps[i].Ref.ID() {
			t.Errorf("%s: %v, %s", a.App.Declared, a.Ref, a.Err)
		}
	}
	must(0, os.Remove(filepath.Join(b.keys, "platform.agekey")))
	b.commit("")
	res := b.keyed("staging", nil)
	if a := resultOf(t, res, "Kustomization flux-system/apps"); a.Ref != nil || !strings.Contains(a.Err, "the hub has none of this name") {
		t.Errorf("without the key: %+v %s", a.Ref, a.Err)
	}
}

// TestWithoutKeysAnAppIsShownWithTokens: a person's machine has no keys, and render, lint and diff work there.
func TestWithoutKeysAnAppIsShownWithTokens(t *testing.T) {
	t.Parallel()
	b := newUnlockScene(t, func(to *age.X25519Recipient) string { return homes(to, t, platformProject(permitsKey)) })
	b.with(func(c *resolve.Config) { c.Keys = nil })
	res := b.keyed("staging", nil)
	web := resultOf(t, res, "HelmRelease web/web")
	if web.Err != "" && !strings.Contains(web.Err, "Values.db") || quotes(said(t, res)) {
		t.Errorf("it says %s", web.Err)
	}
	if apps := resultOf(t, res, "Kustomization flux-system/apps"); apps.Ref == nil || apps.Ref.Secret {
		t.Errorf("%+v %s", apps.Ref, apps.Err)
	}
}

// kept is a log that may be read while it is written.
type kept struct {
	mu   sync.Mutex
	text strings.Builder
}

// Write implements io.Writer.
func (k *kept) Write(p []byte) (int, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.text.Write(p)
}

func (k *kept) String() string {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.text.String()
}

// TestWhatIsDecryptedIsNowhereButInItsCluster: over the real bus, the agent of a cluster opens its blobs as any
// others. On
// the hub's disk, which has the files of NATS too, in its log, and in what people are told there is no value.
func TestWhatIsDecryptedIsNowhereButInItsCluster(t *testing.T) {
	t.Parallel()
	dir, log := t.TempDir(), &kept{}
	to := keystest.Key(t, dir, "platform")
	holder := keys.New(dir, must(os.Executable()), asKeys)
	t.Cleanup(holder.Close)
	tree := files(homes(to, t, platformProject(permitsKey)) + "-- apps/deployment.yaml --\napiVersion: " +
		"apps/v1\nkind: Deployment\n" +
		"metadata: {name: web, namespace: web}\nspec: {template: {spec: {containers: [{name: a, image: " +
		"\"registry.${DOMAIN}/a:1\"}]}}}\n")
	for name, text := range maps.Clone(tree) {
		if strings.HasPrefix(name, "clusters/staging/") {
			tree[strings.Replace(name, "staging", "other", 1)] = strings.ReplaceAll(text, "clusters/staging", "clusters/other")
		}
	}
	r := newRigWith(t, nil, tree, func(r *rig) { r.keysOf, r.logged = holder, log })
	r.join("staging", "other")
	blobs := map[string]protocol.Blob{}
	for _, cluster := range []string{"staging", "other"} {
		complete := func(b protocol.Bundle) bool {
			n := 0
			for _, a := range b.Apps {
				if a.Blob != nil && a.Blob.Secret {
					n++
				}
			}
			return n == 3
		}
		b := r.await(cluster, "all that is decrypted", complete)
		for _, a := range b.Apps {
			if !a.Blob.Secret {
				continue
			}
			if text := r.lines(cluster, b, a.Name); !quotes(strings.ToLower(text)) && !quotes(text) {
				t.Errorf("%s: %s has %s", cluster, a.Declared, text)
			}
			if one, both := blobs[a.Name]; both && one.ID() == a.Blob.ID() {
				t.Errorf("%s is one blob for both clusters", a.Declared)
			}
			blobs[a.Name] = *a.Blob
		}
	}
	told, err := json.Marshal([]any{r.row("staging"), r.row("other"), r.hub.State().Source()})
	if err != nil {
		t.Fatal(err)
	}
	if quotes(string(told)) {
		t.Errorf("people are told %s", told)
	}
	asked := ""
	for _, question := range []string{"apps", "images", "objects"} {
		var page struct{ Items []json.RawMessage }
		if err := api.Ask(t.Context(), r.answers(), question, nil, &page); err != nil {
			t.Fatalf("%s: %v", question, err)
		}
		asked += fmt.Sprintf("%s", page.Items)
	}
	if quotes(asked) || !strings.Contains(asked, "apps") {
		t.Errorf("people are told %s", asked)
	}
	r.stop()
	if text := log.String(); quotes(text) || text == "" {
		t.Errorf("the log of %d bytes has it", len(text))
	}
	read := 0
	err = filepath.WalkDir(r.data, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		if read += len(data); quotes(string(data)) || strings.Contains(string(data), strings.ToUpper(marker)) {
			t.Errorf("%s has it", path)
		}
		return err
	})
	if err != nil || read < 100_000 {
		t.Errorf("%d bytes were read, %v", read, err)
	}
}
