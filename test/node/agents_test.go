//go:build linux

package node

import (
	"fmt"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/drover-dev/drover/test/testenv"
)

// pods are the agent's, by name.
func (s *scene) pods() map[string]testenv.Object {
	s.t.Helper()
	list, err := s.cp.Kube().List(s.t.Context(), "v1", "Pod", namespace, url.Values{"labelSelector": {"app.kubernetes.io/name=drover-agent"}})
	s.must(err)
	pods := map[string]testenv.Object{}
	for _, p := range list {
		pods[p.Text("metadata", "name")] = p
	}
	return pods
}

// leader returns the pod that the lease names, nil if it names none that is there.
func (s *scene) leader() testenv.Object {
	s.t.Helper()
	l, err := s.cp.Kube().Get(s.t.Context(), lease)
	if testenv.IsNotFound(err) {
		return nil
	}
	s.must(err)
	name, uid, _ := strings.Cut(l.Text("spec", "holderIdentity"), "/")
	if p := s.pods()[name]; p != nil && p.Text("metadata", "uid") == uid {
		return p
	}
	return nil
}

// installed waits until the DaemonSet has a ready pod on every machine, and one of them leads.
func (s *scene) installed(limit time.Duration) time.Duration {
	s.t.Helper()
	return s.within(limit, "an agent ready on every machine, and one of them leading", func() (bool, string) {
		ready := 0
		for _, p := range s.pods() {
			if p.Condition("Ready") && p.Text("metadata", "deletionTimestamp") == "" {
				ready++
			}
		}
		return ready == len(s.machines) && s.leader() != nil, fmt.Sprintf("%d of %d ready; leader %v", ready, len(s.machines), s.leader().Ref())
	})
}

// settled waits until the hub says that everything is as it should be.
func (s *scene) settled(limit time.Duration) time.Duration {
	s.t.Helper()
	return s.within(limit, "the hub says that all is well", func() (bool, string) {
		out, told, err := s.drover("status", "--exit-code", cluster)
		return err == nil, out + told
	})
}

// process returns the id of the only process of a pod's agent.
func (s *scene) process(pod testenv.Object) int {
	s.t.Helper()
	for _, c := range pod.Items("status", "containerStatuses") {
		pids, err := testenv.ContainerProcesses(c.Text("containerID"))
		s.must(err)
		if len(pids) == 1 {
			return pids[0]
		}
		s.t.Fatalf("%s has processes %v; want one", pod.Ref(), pids)
	}
	s.t.Fatalf("%s has no container", pod.Ref())
	return 0
}

// procStatus returns the fields of /proc/PID/status.
func (s *scene) procStatus(pid int) map[string]string {
	s.t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	s.must(err)
	fields := map[string]string{}
	for line := range strings.Lines(string(text)) {
		name, value, _ := strings.Cut(line, ":")
		fields[name] = strings.Join(strings.Fields(value), " ")
	}
	return fields
}

// memory returns the resident memory of a pod's agent, in kB, and how much of it is not of the program's file.
func (s *scene) memory(pod testenv.Object) (resident, anonymous int) {
	s.t.Helper()
	status := s.procStatus(s.process(pod))
	for name, to := range map[string]*int{"VmRSS": &resident, "RssAnon": &anonymous} {
		if _, err := fmt.Sscanf(status[name], "%d kB", to); err != nil {
			s.t.Fatalf("%s of %s: %q: %v", name, pod.Ref(), status[name], err)
		}
	}
	return resident, anonymous
}

// connections counts the connections of a pod's process to the hub.
func (s *scene) connections(pid int) int {
	s.t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/net/tcp", pid))
	s.must(err)
	n := 0
	for line := range strings.Lines(string(text)) {
		const established = "01"
		fields := strings.Fields(line)
		if strings.HasSuffix(fields[2], fmt.Sprintf(":%04X", s.busPort)) && fields[3] == established {
			n++
		}
	}
	return n
}

// identities are the UIDs of what the agent keeps in the cluster, and of what became of it.
func (s *scene) identities() map[string]string {
	s.t.Helper()
	all := map[string]string{}
	for _, kind := range [][2]string{{"v1", "ConfigMap"}, {"apps/v1", "Deployment"}, {"apps/v1", "ReplicaSet"}, {"v1", "Pod"}} {
		list, err := s.cp.Kube().List(s.t.Context(), kind[0], kind[1], shop.Name, nil)
		s.must(err)
		for _, o := range list {
			if o.Text("metadata", "deletionTimestamp") == "" { // pods of an earlier edit may still be ending
				all[o.Ref().String()] = o.Text("metadata", "uid")
			}
		}
	}
	return all
}

// unharmed fails the test if an object was deleted or made since before.
func (s *scene) unharmed(before map[string]string) {
	s.t.Helper()
	after := s.identities()
	for name, uid := range before {
		if after[name] != uid {
			s.t.Errorf("%s was %s and is now %q: it was deleted or made again", name, uid, after[name])
		}
	}
	for name := range after {
		if before[name] == "" {
			s.t.Errorf("%s was made meanwhile", name)
		}
	}
}

// deletes counts what the agent asked to have deleted.
func (s *scene) deletes() int {
	s.t.Helper()
	requests, err := s.cp.Requests()
	s.must(err)
	return requests[agentUser].Total(testenv.Verb("DELETE", "DELETECOLLECTION"))
}
