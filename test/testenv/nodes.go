package testenv

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
)

// Nodes plays the machines of a cluster, and the scheduler: pods are bound to them and reported as running, without any
// container. Pods that restart always become ready; those of Jobs succeed. As on a real machine,
//
//   - an image below the domain "invalid", which never resolves, cannot be pulled (ErrImagePull), and
//   - a container whose command is false exits with 1: it fails its Job's pod, or goes into CrashLoopBackOff.
//
// A pod goes to a node that its nodeSelector and a DaemonSet's node affinity allow; nothing else of scheduling is
// played: no resources, taints, other affinities or volumes. Probes and readiness gates are not looked at.
//
// It makes requests only when a pod changes, so that an idle cluster is idle.
type Nodes struct {
	kube  *Kube
	log   io.Writer // what could not be done
	names []string
	stop  context.CancelFunc
	done  sync.WaitGroup

	mu    sync.Mutex     // guards what follows
	next  map[string]int // by namespace: round robin, so that pods of one namespace are spread whatever goes on in others
	turns map[string]int // by UID of a pod that is not bound yet: where its search for a node begins
}

// podRef refers to pods of every namespace.
var podRef = Ref{APIVersion: "v1", Kind: "Pod"}

// StartNodes registers n ready nodes, called node-1 and so on, and plays them until Stop. What goes wrong meanwhile is
// written to log and tried again.
func StartNodes(ctx context.Context, k *Kube, n int, log io.Writer) (*Nodes, error) {
	s := &Nodes{kube: k, log: log, next: map[string]int{}, turns: map[string]int{}}
	for i := range n {
		name := fmt.Sprintf("node-%d", i+1)
		if err := s.register(ctx, name); err != nil {
			return nil, fmt.Errorf("register %s: %w", name, err)
		}
		s.names = append(s.names, name)
	}
	life, stop := context.WithCancel(context.WithoutCancel(ctx))
	s.stop = stop
	s.done.Go(func() { s.run(life) })
	return s, nil
}

// Stop ends the playing. Nodes and pods stay as they are.
func (s *Nodes) Stop() {
	s.stop()
	s.done.Wait()
}

// register makes a node and reports it ready.
func (s *Nodes) register(ctx context.Context, name string) error {
	_, err := s.kube.Apply(ctx, "testenv-nodes", fmt.Sprintf(`
apiVersion: v1
kind: Node
metadata:
  name: %[1]s
  labels: {kubernetes.io/hostname: %[1]s, kubernetes.io/os: linux, kubernetes.io/arch: amd64}
spec: {}
`, name))
	if err != nil {
		return err
	}
	// Whoever registers a node untaints it when it is ready; the admission plugin for nodes has tainted it.
	if _, err := s.kube.Patch(ctx, "testenv-nodes", Ref{APIVersion: "v1", Kind: "Node", Name: name}, `{"spec":{"taints":null}}`); err != nil {
		return err
	}
	room := `{"cpu":"64","memory":"256Gi","pods":"1000","ephemeral-storage":"1Ti"}`
	return s.patch(ctx, "/api/v1/nodes/"+name+"/status", fmt.Sprintf(`{"status":{"capacity":%s,"allocatable":%[1]s,
		"nodeInfo":{"kubeletVersion":"v0.0.0-testenv","operatingSystem":"linux","architecture":"amd64"},
		"addresses":[{"type":"InternalIP","address":"127.0.0.1"},{"type":"Hostname","address":%q}],
		"conditions":[{"type":"Ready","status":"True","reason":"Played","message":"played by package testenv","lastTransitionTime":%q}]}}`,
		room, name, now()))
}

// run follows all pods, from the start again whenever the watch breaks.
func (s *Nodes) run(ctx context.Context) {
	_ = poll(ctx, 200*time.Millisecond, func() (bool, error) {
		err := s.follow(ctx)
		if err != nil && ctx.Err() == nil {
			fmt.Fprintln(s.log, now(), err)
		}
		return false, nil
	})
}

// players is how many pods are played at once.
const players = 8

// follow follows all pods until the watch breaks, or a step that a pod takes. Those of one pod come one after the other.
func (s *Nodes) follow(ctx context.Context) error {
	ctx, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	var pods [players]chan Object
	var all sync.WaitGroup
	for i := range pods {
		pods[i] = make(chan Object, 100)
		all.Go(func() {
			for pod := range pods[i] {
				if err := s.play(ctx, pod); err != nil {
					fail(err)
				}
			}
		})
	}
	// Without a resource version, the pods that exist come first, as events.
	err := s.kube.watch(ctx, podRef, nil, func(event string, pod Object) error {
		if event == "DELETED" || pod.Text("spec", "nodeName") != "" {
			s.mu.Lock()
			delete(s.turns, pod.Text("metadata", "uid"))
			s.mu.Unlock()
		}
		if event == "DELETED" {
			return nil
		}
		select {
		case pods[hash(pod.Text("metadata", "uid"))%players] <- pod:
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	})
	fail(err)
	for _, c := range pods {
		close(c)
	}
	all.Wait()
	return context.Cause(ctx)
}

// hash returns a number that follows from text.
func hash(text string) (n uint32) {
	for _, c := range text {
		n = n*31 + uint32(c)
	}
	return n
}

// play takes a pod one step further. Each step changes the pod, and the watch brings it back for the next one. A pod
// that changed or went meanwhile comes back too; any other error breaks the watch, and so starts again.
func (s *Nodes) play(ctx context.Context, pod Object) error {
	path := fmt.Sprintf("/api/v1/namespaces/%s/pods/%s", url.PathEscape(pod.Text("metadata", "namespace")), url.PathEscape(pod.Text("metadata", "name")))
	phase := pod.Text("status", "phase")
	var err error
	switch {
	case pod.Text("metadata", "deletionTimestamp") != "":
		if pod.Text("spec", "nodeName") == "" || pod.Number("metadata", "deletionGracePeriodSeconds") == 0 {
			return nil // the API server removes it by itself, or once its finalizers are done
		}
		err = s.send(ctx, http.MethodDelete, path, "application/json", fmt.Sprintf(`{"gracePeriodSeconds":0,"preconditions":{"uid":%q}}`, pod.Text("metadata", "uid")))
	case pod.Text("spec", "nodeName") == "":
		node, ok := s.choose(pod)
		if !ok {
			return nil
		}
		err = s.send(ctx, http.MethodPost, path+"/binding", "application/json", fmt.Sprintf(`{"apiVersion":"v1","kind":"Binding","metadata":{"name":%q,"uid":%q},"target":{"kind":"Node","name":%q}}`,
			pod.Text("metadata", "name"), pod.Text("metadata", "uid"), node))
	case phase == "Pending" && pod.Field("status", "startTime") == nil:
		err = s.patch(ctx, path+"/status", outcome(pod))
	}
	var said *StatusError
	if errors.As(err, &said) && (said.Code == http.StatusNotFound || said.Code == http.StatusConflict) {
		return nil
	}
	return err
}

// choose returns the next node that the pod may run on, and the same one whenever the pod comes again.
func (s *Nodes) choose(pod Object) (string, bool) {
	uid, namespace := pod.Text("metadata", "uid"), pod.Text("metadata", "namespace")
	s.mu.Lock()
	turn, ok := s.turns[uid]
	if !ok {
		turn = s.next[namespace]
		s.turns[uid], s.next[namespace] = turn, turn+1
	}
	s.mu.Unlock()
	for i := range s.names {
		name := s.names[(turn+i)%len(s.names)]
		if allows(pod, name) {
			return name, true
		}
	}
	return "", false
}

// allows reports whether the pod may run on the node. Nodes have no labels but those that register gives them.
func allows(pod Object, node string) bool {
	labels := map[string]string{"kubernetes.io/hostname": node, "kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64"}
	selector, _ := pod.Field("spec", "nodeSelector").(map[string]any)
	for key, want := range selector {
		if labels[key] != want {
			return false
		}
	}
	terms := pod.Items("spec", "affinity", "nodeAffinity", "requiredDuringSchedulingIgnoredDuringExecution", "nodeSelectorTerms")
	for _, term := range terms {
		for _, field := range term.Items("matchFields") { // metadata.name In [one], as the DaemonSet controller writes it
			if values, _ := field.Field("values").([]any); len(values) > 0 && values[0] == node {
				return true
			}
		}
	}
	return len(terms) == 0
}

// outcome returns the status of a pod that its node has tried to run.
func outcome(pod Object) string {
	always := pod.Text("spec", "restartPolicy") == "Always"
	phase, ready := "Running", true
	var states []Object
	for _, c := range pod.Items("spec", "containers") {
		state, up := containerState(c, always)
		ready = ready && up
		switch {
		case state["waiting"] != nil && !always:
			phase = "Pending"
		case state["terminated"] != nil && phase == "Running":
			phase = "Succeeded"
		}
		if Object(state).Number("terminated", "exitCode") != 0 {
			phase = "Failed"
		}
		status := Object{"name": c["name"], "image": c["image"], "imageID": "played", "ready": up, "started": up, "restartCount": 0, "state": state}
		if Object(state).Text("waiting", "reason") == "CrashLoopBackOff" {
			status["restartCount"] = 3
			status["lastState"] = Object{"terminated": Object{"exitCode": 1, "reason": "Error", "startedAt": now(), "finishedAt": now()}}
		}
		states = append(states, status)
	}
	conditions := []Object{}
	for name, ok := range map[string]bool{"PodScheduled": true, "Initialized": true, "PodReadyToStartContainers": true, "ContainersReady": ready, "Ready": ready} {
		condition := Object{"type": name, "status": "True", "lastTransitionTime": now()}
		if !ok {
			condition["status"], condition["reason"] = "False", "ContainersNotReady"
		}
		conditions = append(conditions, condition)
	}
	return Object{"status": Object{
		"phase": phase, "startTime": now(), "hostIP": "127.0.0.1", "podIP": podIP(pod), "podIPs": []Object{{"ip": podIP(pod)}},
		"conditions": conditions, "containerStatuses": states,
	}}.String()
}

// containerState returns the state of a container that was tried, and whether it is up.
func containerState(c Object, always bool) (state map[string]any, up bool) {
	command, _ := c["command"].([]any)
	host, _, _ := strings.Cut(c.Text("image"), "/")
	switch fails := len(command) > 0 && command[0] == "false"; {
	case strings.HasSuffix(host, ".invalid"):
		return Object{"waiting": Object{"reason": "ErrImagePull", "message": "no such host: " + host}}, false
	case fails && always:
		return Object{"waiting": Object{"reason": "CrashLoopBackOff", "message": "the container exited with 1"}}, false
	case !always:
		code, reason := 0, "Completed"
		if fails {
			code, reason = 1, "Error"
		}
		return Object{"terminated": Object{"exitCode": code, "reason": reason, "startedAt": now(), "finishedAt": now()}}, false
	}
	return Object{"running": Object{"startedAt": now()}}, true
}

// podIP returns the node's address for a pod in the host's network, and else one made of the pod's uid: another for each
// pod, and the same at every look.
func podIP(pod Object) string {
	if pod.Field("spec", "hostNetwork") == true {
		return "127.0.0.1"
	}
	n := hash(pod.Text("metadata", "uid"))
	return fmt.Sprintf("10.%d.%d.%d", 128|n>>16&127, n>>8&255, n&255)
}

// patch merges body into what is at path.
func (s *Nodes) patch(ctx context.Context, path, body string) error {
	return s.send(ctx, http.MethodPatch, path, "application/strategic-merge-patch+json", body)
}

// send makes a request whose answer does not matter.
func (s *Nodes) send(ctx context.Context, method, path, contentType, body string) error {
	answer, err := s.kube.do(ctx, method, path, url.Values{"fieldManager": {"testenv-nodes"}}, []byte(body), contentType)
	if err != nil {
		return err
	}
	return answer.Close()
}

// now returns the time as the API server writes it.
func now() string { return time.Now().UTC().Format(time.RFC3339) }
