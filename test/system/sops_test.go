package system

import (
	"encoding/base64"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/test/testenv"
)

// encryptedScene is a scene with the app shop, which Flux' files declare and whose objects are encrypted. Its keys are not in the cluster yet.
func encryptedScene(t *testing.T) *scene {
	t.Helper()
	s := newScene(t)
	s.repo.Write("clusters/edge/flux.yaml", `apiVersion: source.toolkit.fluxcd.io/v1
kind: GitRepository
metadata: {name: flux-system, namespace: flux-system}
spec: {interval: 1m, url: ssh://git@example.com/fleet, ref: {branch: main}}
---
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: flux-system, namespace: flux-system}
spec: {interval: 10m, path: ./clusters/edge, prune: true, sourceRef: {kind: GitRepository, name: flux-system}}
---
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: shop, namespace: flux-system}
spec:
  interval: 10m
  path: ./shop
  prune: true
  sourceRef: {kind: GitRepository, name: flux-system}
  targetNamespace: edge
  decryption: {provider: sops, secretRef: {name: sops-age}}
`)
	s.repo.Write("shop/kustomization.yaml", "resources: [login.yaml]\nlabels: [{pairs: {team: shop}}]\n"+
		"generatorOptions: {disableNameSuffixHash: true}\nsecretGenerator:\n- {name: files, files: [app.env]}\n- {name: vars, envs: [app.env]}\n")
	s.repo.Write("shop/login.yaml", fixture(t, "old.yaml"))
	s.repo.Write("shop/app.env", fixture(t, "app.env"))
	s.commit("shop")
	if _, err := s.cp.Kube().Apply(t.Context(), "test", "apiVersion: v1\nkind: Namespace\nmetadata: {name: flux-system}\n"); err != nil {
		t.Fatal(err)
	}
	return s
}

// fixture is a file that was made with the real sops, or one of its throw-away keys.
func fixture(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", "sops", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func (s *scene) commit(message string) {
	s.t.Helper()
	if _, err := s.repo.Commit(message); err != nil {
		s.t.Fatal(err)
	}
}

// key puts an age identity where Flux' files say that it is.
func (s *scene) key(name string) {
	s.t.Helper()
	manifest := fmt.Sprintf("{apiVersion: v1, kind: Secret, metadata: {name: sops-age, namespace: flux-system}, data: {age.agekey: %s}}",
		base64.StdEncoding.EncodeToString([]byte(fixture(s.t, name))))
	if _, err := s.cp.Kube().Apply(s.t.Context(), "somebody", manifest); err != nil {
		s.t.Fatal(err)
	}
}

// secret waits until a Secret of the app has a value.
func (s *scene) secret(name, key, want string) {
	s.t.Helper()
	s.poll(name+" has "+want, func() (bool, string) {
		o, err := s.cp.Kube().Get(s.t.Context(), testenv.Ref{APIVersion: "v1", Kind: "Secret", Namespace: "edge", Name: name})
		if err != nil {
			return false, err.Error()
		}
		value, _ := base64.StdEncoding.DecodeString(o.Text("data", key))
		return string(value) == want, fmt.Sprintf("%s: %q", key, value)
	})
}

// says waits until what is said of the cluster has words.
func (s *scene) says(words string) {
	s.t.Helper()
	s.poll("it says "+words, func() (bool, string) {
		out, _ := s.try("cluster", "show", "edge")
		return strings.Contains(strings.Join(strings.Fields(out), " "), words), out
	})
}

// An encrypted Secret that Flux was told to decrypt, and Secrets that are generated of an encrypted file, reach the cluster in the clear,
// and nothing else does.
func TestEncryptedObjectsAreDecryptedInTheCluster(t *testing.T) {
	t.Parallel()
	s := encryptedScene(t)
	s.says("waits for the Secret flux-system/sops-age, from which it takes the keys with which its objects are decrypted")
	s.poll("other apps go on", func() (bool, string) {
		got := s.revisions()
		return got["one-always"] == "0", fmt.Sprint(got)
	})
	s.agent.kill()
	args := s.agent.args
	s.agent.args = append(slices.Clone(args), "--plugins", t.TempDir())
	s.agent.start()
	s.key("old.agekey")
	s.says("it is encrypted with SOPS and cannot be decrypted: there is no plugin sops")
	s.agent.kill()
	s.agent.args = args
	s.agent.start()
	s.secret("login", "password", "first-s3cret")
	s.secret("vars", "TOKEN", "env-s3cret")
	s.secret("files", "app.env", "TOKEN=env-s3cret\n")

	// Encrypted again, for a key that is not there: what was applied stays, and the key is enough to go on.
	s.repo.Write("shop/login.yaml", fixture(t, "new.yaml"))
	s.repo.Write("shop/kustomization.yaml", "resources: [login.yaml]\n")
	s.commit("another key")
	s.says("it is encrypted with SOPS and cannot be decrypted: none of the keys that there are fits: it is encrypted for age age1")
	s.secret("login", "password", "first-s3cret")
	s.secret("vars", "TOKEN", "env-s3cret") // it left the app, and goes with the rest
	s.key("new.agekey")
	s.secret("login", "password", "second-s3cret")

	// With the keys gone, and with an agent that starts again, what was applied stays.
	s.agent.kill()
	if err := s.cp.Kube().Delete(t.Context(), testenv.Ref{APIVersion: "v1", Kind: "Secret", Namespace: "flux-system", Name: "sops-age"}); err != nil {
		t.Fatal(err)
	}
	s.agent.start()
	s.says("waits for the Secret flux-system/sops-age")
	s.secret("login", "password", "second-s3cret")
	s.untold()
}

// untold says that nothing that was decrypted is in a log, in what the hub keeps or says, or in the agent's state.
func (s *scene) untold() {
	s.t.Helper()
	texts := map[string]string{"what the hub says": s.drover("cluster", "show", "edge", "-o", "yaml")}
	for _, dir := range []string{filepath.Dir(s.hub.log), filepath.Dir(s.agent.log), strings.TrimPrefix(s.env[0], "DROVER_DATA_DIR=")} {
		err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if err != nil || !d.Type().IsRegular() {
				return err
			}
			data, err := os.ReadFile(path)
			texts[path] = string(data)
			return err
		})
		if err != nil {
			s.t.Fatal(err)
		}
	}
	state, err := s.cp.Kube().List(s.t.Context(), "v1", "Secret", "drover-system", nil)
	if err != nil {
		s.t.Fatal(err)
	}
	for _, o := range state {
		data, _ := o["data"].(map[string]any)
		for key, value := range data {
			raw, _ := base64.StdEncoding.DecodeString(fmt.Sprint(value))
			if plain, err := agent.Unpack(raw, 1<<24); err == nil {
				raw = plain
			}
			texts["Secret "+o.Text("metadata", "name")+" "+key] = string(raw)
		}
	}
	for where, text := range texts {
		for _, plain := range []string{"first-s3cret", "second-s3cret", "env-s3cret", "AGE-SECRET-KEY"} {
			if strings.Contains(text, plain) || strings.Contains(text, base64.StdEncoding.EncodeToString([]byte(plain))) {
				s.t.Errorf("%s is in %s", plain, where)
			}
		}
	}
}
