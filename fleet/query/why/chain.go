package why

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/drover-dev/drover/fleet/query"
	"github.com/drover-dev/drover/fleet/query/ask"
	"github.com/drover-dev/drover/protocol"
)

// follow adds an app to the chain, and what causes its phase. seen are the apps in the chain.
func (x *explaining) follow(a query.App, seen map[string]bool) {
	seen[a.Name] = true
	l := x.appLink(a)
	reason := protocol.Reason(l.Reason)
	if reason == protocol.ReasonDependencyNotReady {
		x.link(l)
		if next, ok := x.awaited(a, seen); ok {
			x.follow(next, seen)
			return
		}
		x.act(a, l)
		return
	}
	if reason == protocol.ReasonReleaseHeld || reason == protocol.ReasonPruneHeld {
		for _, h := range x.q.Cluster.Holds() {
			if slices.Contains(h.Apps, a.Name) || a.Reported != nil && slices.Contains(h.Apps, a.Reported.Name) {
				x.link(l)
				x.held(h)
				return
			}
		}
	}
	worst, ok := blamed(a)
	if !ok {
		x.link(l)
		x.act(a, l)
		return
	}
	// The message of the app repeats that of the object.
	if text := cmp.Or(meaning[l.Reason], "an object in it is not healthy"); strings.Contains(l.Message, worst.Message) {
		l.Message = text
	}
	x.link(l)
	x.problem(a, l.Reason, worst)
}

// awaited is the app that another one waits for: of those it depends on that are not healthy, the one that the agent
// names, or the worst.
func (x *explaining) awaited(a query.App, seen map[string]bool) (found query.App, ok bool) {
	var depends []string
	if a.Desired != nil {
		depends = a.Desired.DependsOn
	}
	message, worst := a.Message(), protocol.Phase("")
	for _, name := range depends {
		next, there := x.apps[name]
		if !there || seen[name] {
			continue
		}
		phase, _, _ := next.State()
		if strings.HasPrefix(message, "waits for app "+name+",") || strings.HasPrefix(message, "waits for app "+name+" ") {
			return next, true
		}
		if phase == protocol.PhaseHealthy {
			continue
		}
		if !ok || query.WorsePhase(phase, worst) {
			found, worst, ok = next, phase, true
		}
	}
	return found, ok
}

// blamed is the object that the phase of an app follows from, if one does.
func blamed(a query.App) (worst protocol.Problem, ok bool) {
	if a.Reported == nil || a.Desired != nil && a.Desired.Error != "" {
		return worst, false
	}
	for _, p := range a.Reported.Problems {
		named := strings.Contains(a.Reported.Message, p.Object.String()+": ")
		if !ok || named && !strings.Contains(a.Reported.Message, worst.Object.String()+": ") {
			worst, ok = p, true
		}
	}
	return worst, ok
}

// problem ends the chain with an object: how it is, and what its pods say of that, if they do.
func (x *explaining) problem(a query.App, reason string, p protocol.Problem) {
	subject, message := p.Object.String(), p.Message
	l := Link{Subject: subject, State: string(p.Health), Message: message}
	if at := place.FindStringSubmatchIndex(message); at != nil {
		if verdict, cause, ok := strings.Cut(message[:at[0]], ": "); ok {
			l.Message = verdict
			x.link(l)
			l = Link{Subject: message[at[2]:at[3]], Message: cause}
		}
	}
	x.link(l)
	x.out.Do = remedy(reason, message, fileOf(a), next(message))
}

// place is where a message says which pod has it.
var place = regexp.MustCompile(` \((pod [^()]+)\)$`)

// next is what a message of an agent says is to be done: what follows its last semicolon, before the place.
func next(message string) string {
	message = place.ReplaceAllString(message, "")
	if i := strings.LastIndex(message, "; "); i >= 0 {
		return strings.TrimSpace(message[i+2:])
	}
	return ""
}

// act ends the chain with what the app itself says.
func (x *explaining) act(a query.App, l Link) {
	x.out.Do = remedy(l.Reason, l.Message, fileOf(a), next(l.Message))
}

// fileOf is where Git has an app.
func fileOf(a query.App) string {
	if a.Desired == nil {
		return ""
	}
	return a.Desired.Path
}

// object explains one object of an app. The agent tells of objects that are not well only.
func (x *explaining) object(a query.App, asked string) (Answer, error) {
	var found []protocol.Problem
	var names []string
	if a.Reported != nil {
		for _, p := range a.Reported.Problems {
			names = append(names, p.Object.String())
			if means(asked, p.Object) {
				found = append(found, p)
			}
		}
	}
	switch {
	case len(found) > 1:
		return Answer{}, fmt.Errorf("%.80q may be any of %s: name one as Kind/namespace/name", asked, few(found))
	case len(found) == 0 && len(names) > 0:
		return Answer{}, fmt.Errorf("app %s: object %.80q is %w among those that are not well: %s", a.Name, asked,
			ErrUnknown, ask.Nearest(names, asked, "those are "+few(a.Reported.Problems)))
	case len(found) == 0:
		x.app(a)
		x.out.Also = append(x.out.Also, fmt.Sprintf("the agent says nothing of %s: it tells of objects that are not well",
			asked))
		return x.out, nil
	}
	x.out.Object = found[0].Object.String()
	l := x.appLink(a)
	if strings.Contains(l.Message, found[0].Message) {
		l.Message = cmp.Or(meaning[l.Reason], "an object in it is not healthy")
	}
	x.link(l)
	x.problem(a, l.Reason, found[0])
	return x.out, nil
}

// means says whether a person names an object: Kind/namespace/name, Kind/name or name, in any letter case.
func means(asked string, o protocol.ObjectRef) bool {
	return strings.EqualFold(asked, o.String()) || strings.EqualFold(asked, o.Kind+"/"+o.Name) ||
		strings.EqualFold(asked, o.Name) || strings.EqualFold(asked, o.Namespace+"/"+o.Name)
}

func few(problems []protocol.Problem) string {
	var out []string
	for _, p := range problems[:min(len(problems), 5)] {
		out = append(out, p.Object.String())
	}
	return strings.Join(out, ", ")
}
