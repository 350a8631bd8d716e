//go:build linux

package node

import (
	_ "embed"
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/drover-dev/drover/test/testenv"
)

// olderManifest is what `drover agent manifest` printed before pods of the agent had no rights of their own.
//
//go:embed testdata/agent-c9a339c.yaml
var olderManifest string

// TestForms has agents that are installed in other ways than TestDaemonSet.
func TestForms(t *testing.T) {
	s := newScene(t)
	before := s.objects()
	for _, part := range []struct {
		name string
		run  func(*scene)
	}{
		{"OlderManifest", (*scene).older},
		{"Reinstall", (*scene).reinstall},
		{"Uninstall", func(s *scene) { s.uninstall(before, s.uninstallCommand) }},
		{"Deployment", (*scene).deployment},
		{"UninstallDeployment", func(s *scene) {
			s.uninstall(before, func() {
				s.kube("delete", "-f", s.manifest,
					"--wait=true")
			})
		}},
	} {
		ok := t.Run(part.name, func(t *testing.T) {
			outer := s.t
			s.t = t
			defer func() { s.t = outer }()
			part.run(s)
		})
		if !ok {
			return // what follows would fail for the same reason
		}
	}
}

// older installs from an older manifest: the agent does all that it is for, and status says what to do.
func (s *scene) older() {
	var token string
	s.within(patience, "the hub makes a join token", func() (bool, string) {
		out, told, err := s.drover("agent", "token", "--cluster", cluster)
		token = out
		return err == nil, told
	})
	text := strings.ReplaceAll(olderManifest, "drover-agent:latest", agentImage)
	text = strings.ReplaceAll(text, "join.json: e30=", "join.json: "+base64.StdEncoding.EncodeToString([]byte(token)))
	s.manifest = filepath.Join(s.dir, "older.yaml")
	s.must(os.WriteFile(s.manifest, []byte(text), 0o600))
	s.kube("apply", "-f", s.manifest)
	s.installed(patience)
	s.within(patience, "status names the re-install", func() (bool, string) {
		out, told, err := s.drover("status", cluster)
		return err == nil && strings.Contains(out, "older manifest") && strings.Contains(out,
			"drover agent install"), out + told
	})
	s.repo.Write("apps/shop/older.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: older, namespace: "+
		"shop}\ndata: {n: \"1\"}\n")
	s.commit("one more object")
	object := testenv.Ref{APIVersion: "v1", Kind: "ConfigMap", Namespace: "shop", Name: "older"}
	s.must(s.cp.Kube().Wait(s.t.Context(), object, "exists", testenv.Exists))
}

// reinstall brings the manifest of today over the older one: the pods' own account has nothing left of its former
// rights, and nothing that the agent delivered is touched.
func (s *scene) reinstall() {
	uids := s.identities()
	out, told, err := s.drover("agent", "install", "--cluster", cluster, "--kubeconfig", s.cp.Kubeconfig,
		"--image", agentImage, "--leader-nodes", "all", "--yes")
	if err != nil {
		s.t.Fatalf("drover agent install: %v\n%s%s%s", err, out, told, s.story())
	}
	s.installed(patience)
	s.settled(patience)
	s.within(patience, "status names no re-install", func() (bool, string) {
		out, told, err := s.drover("status", cluster)
		return err == nil && !strings.Contains(out, "older manifest"), out + told
	})
	for _, what := range []string{"get secrets", "create pods", "delete namespaces"} {
		args := append([]string{"--kubeconfig", s.cp.Kubeconfig, "auth", "can-i"}, strings.Fields(what)...)
		out, _, _ := s.command(s.kubectl, append(args, "-n", namespace, "--as",
			"system:serviceaccount:"+namespace+":drover-agent")...)
		if strings.TrimSpace(out) != "no" {
			s.t.Errorf("may the pods' own account %s? %s", what, out)
		}
	}
	s.unharmed(uids)
}

// deployment installs the agent as a Deployment: two pods, one of which leads, and a token that is taken away when it
// was used.
func (s *scene) deployment() {
	out, told, err := s.drover("agent", "manifest", "--cluster", cluster, "--image", agentImage, "--leader-nodes",
		"all", "--form", "deployment", "--replace")
	if err != nil {
		s.t.Fatalf("drover agent manifest: %v %s", err, told)
	}
	s.manifest = filepath.Join(s.dir, "deployment.yaml")
	s.must(os.WriteFile(s.manifest, []byte(out), 0o600))
	begun := time.Now()
	s.kube("apply", "-f", s.manifest)
	s.installed(patience)
	s.t.Logf("two pods of a Deployment ready, one leading, %s after kubectl apply", since(begun))
	s.settled(patience)
	s.within(patience, "the used join token is taken away", func() (bool, string) {
		o, err := s.cp.Kube().Get(s.t.Context(), testenv.Ref{APIVersion: "v1", Kind: "Secret",
			Namespace: namespace, Name: "drover-join"})
		return err == nil && o.Text("data", "join.json") == "", fmt.Sprint(err)
	})
	s.repo.Write("apps/shop/deployed.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: deployed, "+
		"namespace: shop}\ndata: {n: \"1\"}\n")
	s.commit("an object for an agent of a Deployment")
	object := testenv.Ref{APIVersion: "v1", Kind: "ConfigMap", Namespace: "shop", Name: "deployed"}
	s.must(s.cp.Kube().Wait(s.t.Context(), object, "exists", testenv.Exists))
	s.takeover(takeoverLimit, false, func(leader testenv.Object) {
		s.kube("delete", "pod", "-n", namespace, leader.Text("metadata", "name"), "--wait=false")
	})
	s.installed(patience)
}
