//go:build linux

package node

import (
	"fmt"
	"syscall"
	"time"

	"github.com/drover-dev/drover/test/testenv"
)

// takeover does something to the leader and measures how long it takes until an agent is in charge again: until the lease
// names another pod, unless the leader may come back by itself, and until an edit made in the meantime is healed.
// Nothing may be deleted or made again.
func (s *scene) takeover(limit time.Duration, comesBack bool, loss func(leader testenv.Object)) {
	s.t.Helper()
	s.settled(patience)
	before, deleted, old := s.identities(), s.deletes(), s.leader()
	begun := time.Now()
	loss(old)
	s.must(s.paint())
	var led, healed time.Duration
	s.within(limit, "an agent leads, and has healed what happened meanwhile", func() (bool, string) {
		if l := s.leader(); led == 0 && l != nil && l.Text("metadata", "uid") != old.Text("metadata", "uid") {
			led = since(begun)
		}
		o, err := s.cp.Kube().Get(s.t.Context(), settings)
		if err == nil && healed == 0 && isGreen(o) {
			healed = since(begun)
		}
		return healed > 0 && (led > 0 || comesBack), fmt.Sprintf("led after %s, healed after %s", led, healed)
	})
	change := fmt.Sprintf("%s goes on", where(old))
	if led > 0 {
		change = fmt.Sprintf("%s led, %s leads after %s", where(old), where(s.leader()), led)
	}
	s.t.Logf("%s; an edit is healed after %s", change, healed)
	s.unharmed(before)
	if n := s.deletes() - deleted; n > 0 {
		s.t.Errorf("agents asked for %d deletes meanwhile", n)
	}
}

// where names a pod and its machine.
func where(pod testenv.Object) string {
	return pod.Text("metadata", "name") + " on " + pod.Text("spec", "nodeName")
}

// leaderDeleted deletes the leader's pod, as people do who want it gone at once, and as they should. Its place is taken on
// machines that are tainted meanwhile.
func (s *scene) leaderDeleted() {
	s.kube("taint", "nodes", "--all", "dedicated=edge:NoSchedule")
	defer s.kube("taint", "nodes", "--all", "dedicated-")
	s.takeover(takeoverLimit, false, func(leader testenv.Object) {
		s.kube("delete", "pod", "-n", namespace, leader.Text("metadata", "name"), "--grace-period=0", "--force", "--wait=false")
	})
	s.installed(patience)
	s.takeover(takeoverLimit, false, func(leader testenv.Object) {
		s.kube("delete", "pod", "-n", namespace, leader.Text("metadata", "name"), "--wait=false")
	})
	s.installed(patience)
}

// leaderKilled kills the leader's process. Its pod stays, and the kubelet starts it again.
func (s *scene) leaderKilled() {
	s.takeover(takeoverLimit, true, func(leader testenv.Object) { s.must(syscall.Kill(s.process(leader), syscall.SIGKILL)) })
	s.installed(patience)
}

// leaderCrashes kills the leader's process as often as it starts. The kubelet waits longer before each start: 10 s, 20 s
// and so on up to 5 minutes. Another agent is to lead long before.
func (s *scene) leaderCrashes() {
	for range 3 {
		s.takeover(takeoverLimit, true, func(leader testenv.Object) { s.must(syscall.Kill(s.process(leader), syscall.SIGKILL)) })
	}
	s.installed(patience)
}

// lossLimit is how long a cluster may be without a leader when the leader's machine is lost: the node controller waits
// 50 s before it believes so, looks every 5 s, and the other agents wait another 10 s.
const lossLimit = 80 * time.Second

// kubeletLost ends the kubelet of the leader's machine. The leader goes on until the others hold it for lost.
func (s *scene) kubeletLost() {
	m := s.machineOf(s.leader())
	lost := s.leader()
	s.takeover(lossLimit, false, func(testenv.Object) { s.must(m.Kill("kubelet")) })
	s.within(patience, "the one who led only waits: it holds no connection to the hub", func() (bool, string) {
		n := s.connections(s.process(lost))
		return n == 0, fmt.Sprintf("it has %d", n)
	})
	s.must(m.Start(s.t.Context(), "kubelet"))
	s.installed(patience)
}

// machineLost cuts the power of the leader's machine. When it comes back, its agent waits.
func (s *scene) machineLost() {
	m := s.machineOf(s.leader())
	s.takeover(lossLimit, false, func(testenv.Object) { m.Crash() })
	leader := s.leader()
	begun := time.Now()
	s.must(m.Boot(s.t.Context()))
	booted := since(begun)
	s.installed(patience)
	s.t.Logf("%s is ready %s after it was switched on, its agent after %s", m.Name, booted, since(begun))
	if now := s.leader(); now.Text("metadata", "uid") != leader.Text("metadata", "uid") {
		s.t.Errorf("%s led, and now %s does, because a machine came back", leader.Ref(), now.Ref())
	}
	s.settled(patience)
}

// machineOf returns the machine on which a pod runs.
func (s *scene) machineOf(pod testenv.Object) *testenv.Machine {
	s.t.Helper()
	for _, m := range s.machines {
		if m.Name == pod.Text("spec", "nodeName") {
			return m
		}
	}
	s.t.Fatalf("%s runs on no machine of ours", pod.Ref())
	return nil
}
