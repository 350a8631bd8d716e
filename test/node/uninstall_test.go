//go:build linux

package node

import (
	"os"
	"path/filepath"
	"strings"
	"time"
)

// objects are all objects of the cluster, as kind/namespace/name, but for those that come and go by themselves.
func (s *scene) objects() map[string]bool {
	s.t.Helper()
	found := map[string]bool{}
	kinds := strings.Fields(s.kube("api-resources", "--verbs=list", "-o", "name"))
	for _, kind := range kinds {
		switch kind {
		case "events", "events.events.k8s.io", "componentstatuses", "endpoints", "endpointslices.discovery.k8s.io", "ipaddresses.networking.k8s.io":
			continue
		}
		out := s.kube("get", kind, "-A", "--ignore-not-found", "-o", `jsonpath={range .items[*]}{.metadata.namespace}/{.metadata.name}{"\n"}{end}`)
		for line := range strings.Lines(out) {
			found[kind+" "+strings.TrimSpace(line)] = true
		}
	}
	return found
}

// uninstall takes away what was installed. What the agent delivered stays; of itself nothing does.
func (s *scene) uninstall(before map[string]bool, remove func()) {
	uids := s.identities()
	remove()
	s.unharmed(uids)
	names, err := filepath.Glob("/proc/[0-9]*/comm")
	s.must(err)
	for _, name := range names {
		if comm, err := os.ReadFile(name); err == nil && strings.TrimSpace(string(comm)) == "drover-agent" {
			s.t.Errorf("%s: an agent still runs", name)
		}
	}
	for o := range s.objects() {
		if before[o] || strings.HasPrefix(o, "leases.coordination.k8s.io kube-node-lease/") || strings.Contains(o, " "+shop.Name+"/") || o == "namespaces /"+shop.Name {
			continue
		}
		s.t.Errorf("%s is left behind", o)
	}
}

// installCommand installs the agent again, by the command that waits until the cluster reports. A second time there is
// nothing to do.
func (s *scene) installCommand() {
	uids := s.identities()
	args := []string{"agent", "install", "--cluster", cluster, "--kubeconfig", s.cp.Kubeconfig, "--image", nextImage}
	if _, told, err := s.drover(args...); err == nil || !strings.Contains(told, "--yes") {
		s.t.Errorf("an agent is installed into the current context, and nobody was asked: %v %s", err, told)
	}
	args = append(args, "--yes")
	_, told, err := s.drover(args...)
	if err == nil || !strings.Contains(told, "--replace") {
		s.t.Errorf("without --replace an agent whose cluster has a credential is installed: %v %s", err, told)
	}
	begun := time.Now()
	out, told, err := s.drover(append(args, "--replace")...)
	if err != nil {
		s.t.Fatalf("drover agent install: %v\n%s%s%s", err, out, told, s.story())
	}
	s.t.Logf("installed by command, and heard of, after %s", since(begun))
	for _, want := range []string{"Kubernetes v1.", "created   DaemonSet/drover-system/drover-agent", "2/2 pods ready", "joined: ", cluster + " reports: "} {
		if !strings.Contains(out, want) {
			s.t.Errorf("drover agent install does not say %q:\n%s", want, out)
		}
	}
	s.settled(patience)
	if out, told, err = s.drover(args...); err != nil || !strings.Contains(out, "Nothing was to be done") {
		s.t.Errorf("a second time: %v\n%s%s", err, out, told)
	}
	s.unharmed(uids)
}

// uninstallCommand takes the agent away by the command.
func (s *scene) uninstallCommand() {
	args := []string{"agent", "uninstall", "--kubeconfig", s.cp.Kubeconfig}
	if out, told, err := s.drover(args...); err == nil || !strings.Contains(told, "--yes") {
		s.t.Errorf("without an answer the agent is taken away: %v\n%s%s", err, out, told)
	}
	out, told, err := s.drover(append(args, "--yes")...)
	if err != nil || !strings.Contains(out, "drover cluster revoke "+cluster) {
		s.t.Fatalf("drover agent uninstall: %v\n%s%s", err, out, told)
	}
	if out, told, err = s.drover(args...); err != nil || !strings.Contains(out, "There is no agent.") {
		s.t.Errorf("a second time: %v\n%s%s", err, out, told)
	}
}
