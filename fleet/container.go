package fleet

import (
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/drover-dev/drover/protocol"
)

const (
	// crashes is how many restarts make a container that is held back degraded: it has ended three times then, within 12
	// seconds at the least. One that is started again once or twice during a rollout, because a dependency was late, is
	// not.
	crashes = 2
	// backedOff is how long a kubelet lets a container rest at the least after it ended twice in a row (10 s), less what
	// whole seconds hide.
	backedOff = 8 * time.Second
	// A container that was held back counts as crashing until it has run for twice as long as it did the last time, within
	// these bounds: the upper one is when a kubelet forgives.
	minHold = 30 * time.Second
	maxHold = 10 * time.Minute
)

// container is one container of a Pod.
type container struct {
	status, spec, pod object
	word              string // what people call it
	now               time.Time
}

func (c container) name() string { return c.word + " " + orUnknown(c.status.str("name")) }

func (c container) state(path ...string) object {
	m, _ := c.status.get(path...).(map[string]any)
	return m
}

func (c container) restarts() int64 { return c.status.numOr(0, "restartCount") }

func (c container) cause() Cause {
	last := c.state("lastState", "terminated")
	waiting, ended, running := c.state("state", "waiting"), c.state("state", "terminated"), c.state("state", "running")
	switch {
	case waiting != nil:
		return c.waiting(waiting.str("reason"), waiting.str("message"), last)
	case ended != nil && (ended.numOr(0, "exitCode") != 0 || c.word == "container" && c.pod.str("spec", "restartPolicy") == "Always"):
		return c.crash(ended, false)
	case running != nil && c.heldBack(last, running):
		return c.crash(last, true)
	case running != nil && c.word == "container" && c.status.get("ready") != true:
		return Cause{Health: protocol.HealthProgressing, What: c.name() + " runs and is not ready", Restarts: c.restarts(), Doubt: DoubtProbe}
	case running != nil && c.word == "init container" && c.status.get("ready") != true:
		return Cause{Health: protocol.HealthProgressing, What: c.name() + " has not ended yet"}
	}
	return Cause{}
}

// heldBack says whether a container that runs was held back before, and has not run for long enough since.
func (c container) heldBack(last, running object) bool {
	end, ok := last.time("finishedAt")
	start, ok2 := running.time("startedAt")
	return ok && ok2 && c.restarts() >= crashes && start.Sub(end) >= backedOff && c.now.Before(start.Add(hold(last)))
}

func hold(last object) time.Duration {
	start, ok := last.time("startedAt")
	end, ok2 := last.time("finishedAt")
	if !ok || !ok2 {
		return minHold
	}
	return min(max(2*end.Sub(start), minHold), maxHold)
}

// waiting is for a container that the node does not start.
func (c container) waiting(reason, message string, last object) Cause {
	switch reason {
	case "ErrImagePull", "ImagePullBackOff", "ImageInspectError", "ErrImageNeverPull", "InvalidImageName", "RegistryUnavailable", "SignatureValidationFailed":
		return c.image(reason, message)
	case "CrashLoopBackOff":
		return c.crash(last, false)
	case "CreateContainerConfigError":
		return c.config(message)
	case "CreateContainerError", "RunContainerError", "PreCreateHookError", "PreStartHookError", "PostStartHookError":
		health := protocol.HealthProgressing
		if c.restarts() >= crashes {
			health = protocol.HealthDegraded
		}
		return Cause{Health: health, What: c.name() + " cannot be started", Words: message, Doubt: ifSilent(message), Next: "correct it in Git"}
	}
	return Cause{} // ContainerCreating, PodInitializing: on its way
}

// config is for a container whose settings are not found.
func (c container) config(message string) Cause {
	out := Cause{Health: protocol.HealthProgressing, What: c.name() + " cannot be started", Words: message, Doubt: ifSilent(message)}
	switch lower := strings.ToLower(message); {
	case strings.Contains(lower, "not found"), strings.Contains(lower, "couldn't find key"):
		out.Next = "add what is missing to Git, or correct the reference; Kubernetes retries"
	case strings.Contains(lower, "runasnonroot"), strings.Contains(lower, "run as root"):
		out.Health, out.Next = protocol.HealthDegraded, "set runAsUser in its securityContext, or take an image that does not run as root"
	default:
		out.Next = "correct it in Git"
	}
	return out
}

// pulling is what a kubelet and its runtime say around the registry's words.
var pulling = regexp.MustCompile(`Back-off pulling image "[^"]*"(: )?|ErrImagePull: |(rpc error: )?code = \w+ desc = |` +
	`failed to pull and unpack image "[^"]*": |failed to resolve reference "[^"]*": |failed to resolve image: `)

// image is for a container whose image cannot be pulled.
func (c container) image(reason, message string) Cause {
	ref := orUnknown(c.spec.str("image"))
	if c.spec == nil {
		ref = orUnknown(c.status.str("image"))
	}
	words := pulling.ReplaceAllString(message, "")
	words = strings.TrimSpace(strings.TrimPrefix(words, ref+": "))
	out := Cause{Health: protocol.HealthDegraded, What: fmt.Sprintf("the image %s of %s cannot be pulled", ref, c.name()), Words: words}
	lower := strings.ToLower(words)
	has := func(parts ...string) bool {
		for _, p := range parts {
			if strings.Contains(lower, p) {
				return true
			}
		}
		return false
	}
	switch {
	case reason == "InvalidImageName":
		out.What, out.Next = fmt.Sprintf("%s of %s is no image name", ref, c.name()), "correct it in Git"
	case reason == "ErrImageNeverPull":
		out.What, out.Next = fmt.Sprintf("the image %s of %s is not on the node", ref, c.name()), "load it there, or change imagePullPolicy: Never"
	case reason == "SignatureValidationFailed":
		out.Next = "sign the image, or correct it in Git"
	case has("denied", "unauthorized", "401", "403", "no basic auth", "authorization failed"):
		out.Health = protocol.HealthProgressing // the pull secret may be on its way
		out.Next = "correct the name in Git, or give the pod an imagePullSecret for that registry"
	case has("not found", "manifest unknown", "name unknown", "does not exist"):
		out.Next = "correct the image in Git, or push it"
	case has("no such host"):
		out.Next = "correct the registry's name in Git, or the node's name resolution"
	default:
		out.Health, out.Doubt = protocol.HealthProgressing, ifSilent(words)
		out.Next = "Kubernetes retries; check that the node reaches the registry"
	}
	return out
}

// crash is for a container that ended and should not have.
func (c container) crash(t object, runs bool) Cause {
	how := "ended"
	if c.restarts() >= crashes {
		how = "ends again and again"
	}
	out := c.ended(t, how, runs)
	out.Restarts = c.restarts()
	if c.restarts() >= crashes {
		out.Health = protocol.HealthDegraded
	}
	if runs {
		start, _ := c.state("state", "running").time("startedAt")
		out.Until = start.Add(hold(t))
	}
	return out
}

func times(n int64) string {
	if n == 1 {
		return "1 restart"
	}
	return fmt.Sprintf("%d restarts", n)
}

// ended tells how a run of the container ended; previous, that another began since.
func (c container) ended(t object, how string, previous bool) Cause {
	// What waits to be started again has its last run as its previous one, too.
	output := &Output{Container: c.status.str("name"), Previous: previous || c.state("state", "waiting") != nil, Restarts: c.restarts()}
	out := Cause{Health: protocol.HealthProgressing, What: c.name() + " " + how, Next: c.logs(output)}
	code := t.numOr(-1, "exitCode")
	switch reason := t.str("reason"); {
	case reason == "OOMKilled":
		out.What += ", killed by its node (OOMKilled)"
		out.Words, out.Next = "it used more memory than "+c.memory(), "raise the limit, or see why it needs so much"
		return out
	case reason == "StartError" || reason == "ContainerCannotRun":
		out.What, out.Words, out.Next = c.name()+" cannot be started", t.str("message"), "correct its command in Git"
		return out
	case code == 0:
		out.What += " with exit code 0"
		out.Words, out.Next = "it is expected to go on", "give it a command that does not return, or make it a Job"
		return out
	case code > 0:
		out.What += " with " + exit(code)
	}
	if code == 128+9 || code == 128+15 {
		out.Doubt = DoubtKilled
	}
	if out.Words = telling(t.str("message")); out.Words == "" {
		out.Output = output
	}
	return out
}

// logs is how to see all of an output.
func (c container) logs(o *Output) string {
	s := fmt.Sprintf("see kubectl logs -n %s %s -c %s", c.pod.str("metadata", "namespace"), c.pod.str("metadata", "name"), o.Container)
	if o.Previous {
		s += " --previous"
	}
	return s
}

// memory names the container's limit.
func (c container) memory() string {
	if limit := c.spec.str("resources", "limits", "memory"); limit != "" {
		return "its limit of " + limit
	}
	return "its node has"
}

func ifSilent(words string) Doubt {
	if words == "" {
		return DoubtStart
	}
	return NoDoubt
}

// exit names an exit code, and what shells and kernels mean by it.
func exit(code int64) string {
	names := map[int64]string{126: "its command cannot be executed", 127: "its command is not found", 134: "SIGABRT", 137: "SIGKILL", 139: "SIGSEGV", 143: "SIGTERM"}
	switch name := names[code]; {
	case name != "":
		return fmt.Sprintf("exit code %d (%s)", code, name)
	case code > 128 && code < 160:
		return fmt.Sprintf("exit code %d (signal %d)", code, code-128)
	}
	return fmt.Sprintf("exit code %d", code)
}
