package people

import (
	"crypto/rand"
	"log/slog"
	"os"
	"strings"

	"github.com/drover-dev/drover/hub"
	"github.com/drover-dev/drover/hub/audit"
	"github.com/drover-dev/drover/hub/bolt"
	"github.com/drover-dev/drover/hub/layout"
	"github.com/drover-dev/drover/hub/nats"
	"github.com/drover-dev/drover/hub/nats/keyring"
	"github.com/drover-dev/drover/hub/people"
	"github.com/drover-dev/drover/hub/roles"
)

// Open reads the tokens of people and the journal of decisions from a hub's store. The journal is copied to the bus.
func Open(store *bolt.Store, keys *keyring.Keys, bus *nats.Bus) (*people.Register, *audit.Journal, error) {
	register, err := people.Open(store.Table(bolt.TablePeople))
	if err != nil {
		return nil, nil, err
	}
	journal, err := audit.Open(store.Table(bolt.TableDecisions), keys.Signers)
	if err != nil {
		return nil, nil, err
	}
	cover, err := audit.CoverOf(keys.Secret, keys.Former)
	if err != nil {
		return nil, nil, err
	}
	journal.Attach(nats.DecisionsOf(bus), cover)
	return register, journal, nil
}

// Roles reads which Roles and RoleBindings there were last, and follows those that the hub of a state reads.
func Roles(store *bolt.Store, state *hub.State, log *slog.Logger) (*roles.Keeper, error) {
	k, err := roles.Open(store.Table(bolt.TableAccess), layout.ReadAccess, log)
	if err == nil {
		state.Tell(k.Follow)
	}
	return k, err
}

// SharedToken reads the token that all administrators share, or makes one.
func SharedToken(path string) (string, error) {
	data, err := os.ReadFile(path)
	if err == nil && len(strings.TrimSpace(string(data))) >= 20 {
		return strings.TrimSpace(string(data)), nil
	}
	token := rand.Text()
	return token, os.WriteFile(path, []byte(token+"\n"), 0o600)
}
