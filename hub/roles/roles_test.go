package roles

import (
	"encoding/json"
	"errors"
	"log/slog"
	"maps"
	"testing"

	"github.com/drover-dev/drover/fleet/access"
	"github.com/drover-dev/drover/hub/model"
)

// memory is a store that can fail.
type memory struct {
	has  map[string][]byte
	full bool
}

func (m *memory) Load() (map[string][]byte, error) { return maps.Clone(m.has), nil }

func (m *memory) Save(changes map[string][]byte) error {
	if m.full {
		return errors.New("the disk is full")
	}
	maps.Copy(m.has, changes)
	return nil
}

// written is an object as these tests write it.
type written struct {
	Kind, Name, Role, Group string
	Bad                     bool
}

func read(o model.Rendered) (Object, error) {
	var w written
	if err := json.Unmarshal(o.JSON, &w); err != nil {
		return Object{}, nil
	}
	out := Object{Kind: w.Kind, Name: w.Name}
	switch {
	case w.Bad:
		return out, errors.New("it is bad")
	case w.Kind == KindRole:
		out.Role = &access.Role{Name: w.Name, Rules: []access.Rule{{Resources: []string{"logs"}, Verbs: []string{"get"}}}}
	case w.Kind == KindRoleBinding:
		out.Binding = &access.Binding{Name: w.Name, Role: w.Role,
			Subjects: []access.Subject{{Kind: access.Group, Name: w.Group}}}
	}
	return out, nil
}

func of(all ...written) (out []model.Rendered) {
	for _, w := range all {
		data, _ := json.Marshal(w)
		out = append(out, model.Rendered{JSON: data})
	}
	return append(out, model.Rendered{JSON: []byte(`"an App"`)})
}

func open(t *testing.T, m *memory) *Keeper {
	t.Helper()
	k, err := Open(m, read, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// can says what callers of three groups and one of no group may do: get logs, and approve.
func can(k *Keeper) (out string) {
	for _, g := range []string{"a", "b", ""} {
		c := access.Caller{Kind: access.Token, Name: "t", Groups: []string{g}}
		logs, _ := k.Policy().Allowed(c, access.Get, access.Logs, access.Target{})
		approve, _ := k.Policy().Allowed(c, access.Approve, access.Rollouts, access.Target{})
		for _, ok := range []bool{logs, approve} {
			out += map[bool]string{true: "+", false: "-"}[ok]
		}
	}
	return out
}

func TestTheLastGoodRolesHold(t *testing.T) {
	t.Parallel()
	m := &memory{has: map[string][]byte{}}
	k := open(t, m)
	reader := written{Kind: KindRole, Name: "reader"}
	a := written{Kind: KindRoleBinding, Name: "a", Role: "reader", Group: "a"}
	b := written{Kind: KindRoleBinding, Name: "b", Role: access.Operator, Group: "b"}
	bad := func(w written) written { w.Bad = true; return w }
	for _, step := range []struct {
		what string
		has  []written
		sure bool
		want string // a: logs, approve; b: the same; nobody's: the same
	}{
		{"cannot be read, and never was", nil, false, "------"},
		{"no RoleBinding, as before there were any", nil, true, "++++++"},
		{"a Role alone binds nobody", []written{reader}, true, "++++++"},
		{"the first binding decides alone", []written{reader, a}, true, "+-----"},
		{"another", []written{reader, a, b}, true, "+-++--"},
		{"a bad role holds as it was", []written{bad(reader), a, b}, true, "+-++--"},
		{"a bad binding holds as it was", []written{reader, bad(a), b}, true, "+-++--"},
		{"what is missing may be unread", []written{b}, false, "+-++--"},
		{"it is gone", []written{b}, true, "--++--"},
		{"a bad new one gives nothing", []written{b, bad(a)}, true, "--++--"},
		{"without any binding nobody is let in again", nil, true, "------"},
	} {
		k.Follow(of(step.has...), step.sure)
		if got := can(k); got != step.want {
			t.Errorf("%s: %s, want %s", step.what, got, step.want)
		}
		was := can(k)
		if k = open(t, m); can(k) != was {
			t.Errorf("%s: after a restart %s, before %s", step.what, can(k), was)
		}
	}
}

// A RoleBinding that cannot be read is there: named tokens do not get what they would have without one.
func TestABadBindingWidensNothing(t *testing.T) {
	t.Parallel()
	k := open(t, &memory{has: map[string][]byte{}})
	k.Follow(of(written{Kind: KindRoleBinding, Name: "a", Bad: true}), true)
	if got := can(k); got != "------" {
		t.Errorf("%s", got)
	}
	k = open(t, &memory{has: map[string][]byte{stored: []byte("{")}})
	k.Follow(nil, true)
	if got := can(k); got != "------" {
		t.Errorf("what was stored is damaged: %s", got)
	}
}

// What cannot be stored is in force, and is stored with the next change.
func TestAFullDiskKeepsNoRight(t *testing.T) {
	t.Parallel()
	m := &memory{has: map[string][]byte{}}
	k := open(t, m)
	b := written{Kind: KindRoleBinding, Name: "b", Role: access.Operator, Group: "b"}
	k.Follow(of(b), true)
	m.full = true
	k.Follow(nil, true)
	if got := can(k); got != "------" {
		t.Errorf("%s", got)
	}
	m.full = false
	k.Follow(nil, true)
	if got := can(open(t, m)); got != "------" {
		t.Errorf("after a restart %s", got)
	}
}
