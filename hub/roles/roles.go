// Package roles keeps which Roles and RoleBindings there are: those that Git has now, and, of what cannot be read, as
// it was read last, also after a restart. A Role that breaks widens nothing, and takes nothing away.
//
// It may import fleet/access, hub/model and the standard library.
package roles

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"

	"github.com/drover-dev/drover/fleet/access"
	"github.com/drover-dev/drover/hub/model"
)

// The kinds of objects.
const (
	KindRole        = "Role"
	KindRoleBinding = "RoleBinding"
)

// Object is a Role or a RoleBinding. One of the pointers is set, unless it cannot be read.
type Object struct {
	Kind    string // "" for what is neither
	Name    string
	Role    *access.Role
	Binding *access.Binding
}

// Binds says whether it is a RoleBinding, also where it cannot be read.
func (o Object) Binds() bool { return o.Kind == KindRoleBinding }

// Read reads an object that is declared for the fleet. Kind and Name are also given with an error, which says what is
// wrong with it.
type Read func(o model.Rendered) (Object, error)

// Store keeps what there is by key. Save stores all that it is given, or nothing.
type Store interface {
	Load() (map[string][]byte, error)
	Save(changes map[string][]byte) error
}

// Keeper has the policy that is in force. It is safe for concurrent use.
type Keeper struct {
	read  Read
	store Store
	log   *slog.Logger

	mu     sync.Mutex
	policy *access.Policy
	last   known
	// unsaved: the store may have something else.
	unsaved bool
}

// known is what was read last, as it is stored.
type known struct {
	Bound   bool              `json:"bound"`   // there is or was a RoleBinding
	Objects map[string]object `json:"objects"` // by kind and name
}

type object struct {
	JSON json.RawMessage `json:"json"`
	File string          `json:"file"`
}

// stored is the key of what was read last.
const stored = "last"

// Open reads what was known last. Where nothing was, or it cannot be read, the policy gives nobody but the shared token
// anything until Follow is told more.
func Open(store Store, read Read, log *slog.Logger) (*Keeper, error) {
	k := &Keeper{read: read, store: store, log: log, policy: &access.Policy{}}
	all, err := store.Load()
	if err != nil {
		return nil, fmt.Errorf("read which roles there are: %w", err)
	}
	if data, has := all[stored]; has {
		var was known
		if err := json.Unmarshal(data, &was); err != nil {
			k.last.Bound = true // nobody knows that there was none
			log.Warn("which roles there were cannot be read: only the shared token is accepted until the repository was "+
				"read", "err", err)
			return k, nil
		}
		k.last = was
		k.policy = k.made(was)
	}
	return k, nil
}

// Policy is what is in force.
func (k *Keeper) Policy() *access.Policy {
	if k == nil {
		return nil
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.policy
}

// made makes the policy of what can be read of what is known.
func (k *Keeper) made(now known) *access.Policy {
	var all []access.Role
	var bindings []access.Binding
	for _, key := range slices.Sorted(maps.Keys(now.Objects)) {
		o, err := k.read(model.Rendered{JSON: now.Objects[key].JSON, File: now.Objects[key].File})
		switch {
		case err != nil: // of another release: it gives nothing
			k.log.Warn("a role gives nothing, because it cannot be read", "object", key, "err", err)
		case o.Role != nil:
			all = append(all, *o.Role)
		case o.Binding != nil:
			bindings = append(bindings, *o.Binding)
		}
	}
	return access.New(all, bindings, now.Bound)
}

// Follow takes in what is declared for the fleet. sure says that all of it can be read; otherwise nothing that seems to
// be missing is taken for gone.
func (k *Keeper) Follow(declared []model.Rendered, sure bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	now := known{Bound: k.last.Bound, Objects: map[string]object{}}
	for _, d := range declared {
		o, err := k.read(d)
		if o.Kind == "" {
			continue
		}
		key := o.Kind + "/" + o.Name
		now.Bound = now.Bound || o.Binds()
		switch was, has := k.last.Objects[key]; {
		case err == nil:
			if _, twice := now.Objects[key]; !twice {
				now.Objects[key] = object{slices.Clone(d.JSON), d.File}
			}
		case has:
			now.Objects[key] = was
			k.log.Warn("a role cannot be read: it holds as it was last", "object", key, "err", err)
		default:
			k.log.Warn("a role cannot be read, and gives nothing", "object", key, "err", err)
		}
	}
	if !sure {
		if !k.policy.Read() {
			k.log.Warn("which roles there are cannot be read in full, and it is not known from before: only the shared token " +
				"is accepted; `drover status` shows what is wrong below fleet/")
			return
		}
		for key, was := range k.last.Objects {
			if _, has := now.Objects[key]; !has {
				now.Objects[key] = was
			}
		}
	}
	if k.policy.Read() && !k.unsaved && same(now, k.last) {
		return
	}
	k.last, k.policy = now, k.made(now)
	data, err := json.Marshal(now)
	err = errors.Join(err, k.store.Save(map[string][]byte{stored: data}))
	if k.unsaved = err != nil; k.unsaved {
		k.log.Warn("which roles there are is in force and could not be stored: after a restart the former hold until the "+
			"repository was read", "err", err)
	}
}

// same says whether two say the same.
func same(a, b known) bool {
	return a.Bound == b.Bound && maps.EqualFunc(a.Objects, b.Objects, func(x, y object) bool {
		return string(x.JSON) == string(y.JSON)
	})
}

// Fixed is a policy that does not change.
type Fixed struct{ Is *access.Policy }

// Policy is what is in force.
func (f Fixed) Policy() *access.Policy { return f.Is }
