//go:build linux

package node

import (
	"os"
	"path/filepath"
	"strings"
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

// uninstall deletes what was installed. What the agent delivered stays; of itself nothing does.
func (s *scene) uninstall(before map[string]bool) {
	uids := s.identities()
	s.kube("delete", "-f", s.manifest, "--wait=true")
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
