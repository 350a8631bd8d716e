package kube

import "time"

// pod is what is read of the leader's pod.
type pod struct {
	Metadata struct{ UID, DeletionTimestamp string }
	Status   struct {
		Phase, Reason     string
		Conditions        []podCondition
		ContainerStatuses []struct {
			State struct{ Running, Waiting, Terminated *struct{} }
		}
	}
}

type podCondition struct {
	Type, Status, Reason string
	LastTransitionTime   time.Time
}

// dead says whether the pod that had uid can no longer lead; in is when to look again, if time alone may change
// the answer.
func (p *pod) dead(uid string, now time.Time) (dead bool, in time.Duration) {
	switch {
	case p.Metadata.UID != uid, p.Status.Phase == "Succeeded", p.Status.Phase == "Failed":
		return true, 0
	case p.Metadata.DeletionTimestamp != "" && p.terminated():
		return true, 0
	}
	for _, c := range p.Status.Conditions {
		if c.Type == "Ready" && (c.lost() || c.Status != "True" && p.idle()) {
			if left := lostAfter - now.Sub(c.LastTransitionTime); left > 0 {
				return false, left
			}
			return true, 0
		}
	}
	return false, 0
}

// lost says whether the node controller wrote the condition because the node is no longer heard of. It turns the
// status and leaves the reason as it was when the pod was ready, which is none; a kubelet always gives a reason.
func (c podCondition) lost() bool {
	return c.Status != "True" && (c.Reason == "" || c.Reason == "NodeLost" || c.Reason == "NodeNotReady")
}

// terminated says whether all containers have ended.
func (p *pod) terminated() bool {
	for _, c := range p.Status.ContainerStatuses {
		if c.State.Terminated == nil {
			return false
		}
	}
	return len(p.Status.ContainerStatuses) > 0
}

// idle says whether no container runs: a kubelet waits up to 5 minutes before it starts one again that keeps ending.
func (p *pod) idle() bool {
	for _, c := range p.Status.ContainerStatuses {
		if c.State.Running != nil {
			return false
		}
	}
	return true
}
