package identity

import (
	"slices"

	"github.com/drover-dev/drover/protocol"
)

// Successors says which apps go on under another name: for each app in before that does, by its name there, the name
// that it has in now. Both say what they know of their declarations; what an older hub wrote says nothing, and is known
// by the names that such hubs gave (protocol.App.Formerly). No app in now follows two.
func Successors(before, now []protocol.App) map[string]string {
	s := succession{before: byName(before), now: byName(now), out: map[string]string{}, taken: map[string]bool{}}
	s.declared(before, now)
	s.returning(before)
	s.former(before, now)
	return s.out
}

type succession struct {
	before, now map[string]*protocol.App
	out         map[string]string
	taken       map[string]bool // names in now
}

func byName(apps []protocol.App) map[string]*protocol.App {
	out := make(map[string]*protocol.App, len(apps))
	for i := range apps {
		out[apps[i].Name] = &apps[i]
	}
	return out
}

// take notes that an app goes on under another name, which nothing has yet.
func (s *succession) take(from, to string) {
	if from == to || s.taken[to] || s.before[to] != nil {
		return
	}
	s.out[from], s.taken[to] = to, true
}

// declared are those whose declaration is known on both sides.
func (s *succession) declared(before, now []protocol.App) {
	names := map[string]string{}
	for _, a := range now {
		if a.Declared != "" {
			names[a.Declared] = a.Name
		}
	}
	for _, b := range before {
		if to := names[b.Declared]; to != "" && b.Declared != "" {
			s.take(b.Name, to)
		}
	}
}

// returning are those that an older hub names again as it did before. An app that is there under its own name goes on
// under that.
func (s *succession) returning(before []protocol.App) {
	for _, b := range before {
		if b.Declared == "" || s.now[b.Name] != nil {
			continue
		}
		for _, name := range slices.Backward(b.Formerly) { // one with a digest is certainly its own
			if a := s.now[name]; a != nil && a.Declared == "" && !s.taken[name] && s.before[name] == nil {
				s.take(b.Name, name)
				break
			}
		}
	}
}

// former are those of which it is not known what declared them. Names with a digest are looked for first: only one
// declaration had such a name.
func (s *succession) former(before, now []protocol.App) {
	followers := map[string][]*protocol.App{}
	for i := range now {
		for _, name := range now[i].Formerly {
			followers[name] = append(followers[name], &now[i])
		}
	}
	for _, certain := range [...]bool{true, false} {
		for i := range before {
			b := &before[i]
			if b.Declared != "" || s.out[b.Name] != "" {
				continue
			}
			may := slices.DeleteFunc(slices.Clone(followers[b.Name]), func(a *protocol.App) bool {
				return s.taken[a.Name] || s.before[a.Name] != nil || a.Name == b.Name ||
					certain != (len(a.Formerly) > 0 && a.Formerly[len(a.Formerly)-1] == b.Name)
			})
			if to := s.choose(b, may); to != "" {
				s.take(b.Name, to)
			}
		}
	}
}

// choose is the app that follows one among those that had its name, if they were the only ones of their time: that with
// the same content, if there is just one. Otherwise the app that has the name now keeps it, or the first takes it.
func (s *succession) choose(b *protocol.App, may []*protocol.App) string {
	same := slices.DeleteFunc(slices.Clone(may), func(a *protocol.App) bool { return !sameContent(a, b) })
	holder := s.now[b.Name]
	switch {
	case len(may) == 0:
		return ""
	case len(same) == 1 && !sameContent(holder, b):
		return same[0].Name
	case holder != nil:
		return ""
	case len(same) > 0:
		may = same
	}
	return may[0].Name
}

func sameContent(a, b *protocol.App) bool {
	return a != nil && b != nil && a.Blob != nil && b.Blob != nil && a.Blob.Digest == b.Blob.Digest
}

// Rename gives an app with other names: its own, and those of apps that it names.
func Rename(a protocol.App, to map[string]string) protocol.App {
	of := func(name string) string {
		if now, ok := to[name]; ok {
			return now
		}
		return name
	}
	a.Name, a.Parent = of(a.Name), of(a.Parent)
	a.DependsOn, a.Ready = slices.Clone(a.DependsOn), slices.Clone(a.Ready)
	for i := range a.DependsOn {
		a.DependsOn[i] = of(a.DependsOn[i])
	}
	for i := range a.Ready {
		a.Ready[i].App = of(a.Ready[i].App)
	}
	return a
}
