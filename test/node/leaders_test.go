//go:build linux

package node

import (
	"fmt"
	"os"
	"strings"

	"github.com/drover-dev/drover/test/testenv"
)

// leaderNodes makes one machine the control plane's: the agent leads there and runs nowhere else, and what a kubelet
// gives one of its pods on the other machine is good for nothing.
func (s *scene) leaderNodes() {
	leads, other := s.machines[0].Name, s.machines[1].Name
	s.kube("label", "node", leads, "node-role.kubernetes.io/control-plane=")
	out, told, err := s.drover("agent", "install", "--cluster", cluster, "--kubeconfig", s.cp.Kubeconfig, "--image", nextImage, "--yes")
	if err != nil || !strings.Contains(out, "1/1 pods ready") {
		s.t.Fatalf("drover agent install: %v\n%s%s%s", err, out, told, s.story())
	}
	s.within(patience, "an agent that leads on "+leads+", and no other", func() (bool, string) {
		pods := s.pods()
		return len(pods) == 1 && s.leader() != nil && s.leader().Text("spec", "nodeName") == leads, fmt.Sprint(len(pods), " pods")
	})
	s.settled(patience)
	follower := s.follower(other)
	token := s.mounted(follower)
	for what, args := range map[string][]string{
		"reads a Secret":        {"get", "secret", "drover-credential"},
		"takes the lease":       {"patch", "lease", "drover-agent", "--type=merge", "-p", `{"spec":{"holderIdentity":"me"}}`},
		"execs into a pod":      {"exec", s.leader().Text("metadata", "name"), "--", "/drover-agent", "--version"},
		"creates a pod":         {"run", "mine", "--image", testenv.PauseImage},
		"gets a leader's token": {"create", "token", "drover-leader"},
		"gets another token":    {"create", "token", "drover-agent"},
	} {
		args = append([]string{"--kubeconfig", os.DevNull, "--server", s.cp.URL, "--insecure-skip-tls-verify", "--token", token,
			"-n", namespace}, args...)
		out, told, err := s.command(s.kubectl, args...)
		if err == nil || !strings.Contains(strings.ToLower(told), "forbidden") && !strings.Contains(told, "may not lead") {
			s.t.Errorf("the follower's token on %s %s: %v %s%s", other, what, err, out, told)
		}
	}
	s.must(s.cp.Kube().Delete(s.t.Context(), follower.Ref()))
	s.kube("label", "node", leads, "node-role.kubernetes.io/control-plane-")
}

// follower runs a pod of the agent on a machine that its DaemonSet leaves out.
func (s *scene) follower(machine string) testenv.Object {
	s.t.Helper()
	ds, err := s.cp.Kube().Get(s.t.Context(), testenv.Ref{APIVersion: "apps/v1", Kind: "DaemonSet", Namespace: namespace, Name: "drover-agent"})
	s.must(err)
	spec := ds.Field("spec", "template", "spec").(map[string]any)
	delete(spec, "affinity")
	spec["nodeName"] = machine
	pod, err := s.cp.Kube().Create(s.t.Context(), "test", testenv.Object{"apiVersion": "v1", "kind": "Pod", "spec": spec,
		"metadata": testenv.Object{"name": "follower", "namespace": namespace}})
	s.must(err)
	s.must(s.cp.Kube().Wait(s.t.Context(), pod.Ref(), "ready", func(o testenv.Object) bool { return o.Condition("Ready") }))
	pod, err = s.cp.Kube().Get(s.t.Context(), pod.Ref())
	s.must(err)
	return pod
}

// mounted is the token that a kubelet has given a pod.
func (s *scene) mounted(pod testenv.Object) string {
	s.t.Helper()
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/root/var/run/secrets/kubernetes.io/serviceaccount/token", s.process(pod)))
	s.must(err)
	return string(data)
}
