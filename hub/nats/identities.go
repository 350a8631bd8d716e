package nats

import (
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nkeys"

	"github.com/drover-dev/drover/hub"
	"github.com/drover-dev/drover/protocol"
)

// identity is what the hub keeps of a cluster's credential: public parts alone. One JSON file each.
type identity struct {
	Cluster string    `json:"cluster"`
	User    string    `json:"user"` // public NATS user key
	OpenKey []byte    `json:"openKey"`
	Issued  time.Time `json:"issued"`
	Revoked []string  `json:"revoked,omitempty"` // user keys of credentials that were replaced
}

// Identities are the clusters' identities, in a directory. It is safe for concurrent use.
type Identities struct {
	dir  string
	keys *Keys

	mu      sync.Mutex
	servers []string                   // where agents connect
	cutOff  func(users []string) error // takes effect on replaced credentials; nil if nothing can
	known   map[string]identity        // by cluster
	byUser  map[string]string          // user key → cluster
}

var _ hub.Identities = (*Identities)(nil)

// OpenIdentities reads the identities in dir.
func OpenIdentities(dir string, keys *Keys) (*Identities, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("the clusters' identities: %w: give the user who runs the hub the right to write there", err)
	}
	ids := &Identities{dir: dir, keys: keys, known: map[string]identity{}, byUser: map[string]string{}}
	files, err := filepath.Glob(filepath.Join(dir, "*.json"))
	if err != nil {
		return nil, err
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		var id identity
		name := strings.TrimSuffix(filepath.Base(file), ".json")
		if err := json.Unmarshal(data, &id); err != nil || id.Cluster != name || id.User != "" && len(id.OpenKey) != 32 {
			return nil, fmt.Errorf("%s does not hold the identity of cluster %s: bring it back from a backup, or remove it and "+
				"install that cluster's agent anew", file, name)
		}
		ids.known[name] = id
		if id.User != "" {
			ids.byUser[id.User] = name
		}
	}
	return ids, nil
}

// Advertise says to which NATS URLs agents are to connect, and how credentials that were replaced are cut off from
// them.
func (ids *Identities) Advertise(servers []string, cutOff func(users []string) error) {
	ids.mu.Lock()
	defer ids.mu.Unlock()
	ids.servers, ids.cutOff = servers, cutOff
}

// OpenKey implements hub.Identities.
func (ids *Identities) OpenKey(cluster string) ([]byte, bool) {
	ids.mu.Lock()
	defer ids.mu.Unlock()
	id := ids.known[cluster]
	return id.OpenKey, id.User != ""
}

// cluster is whose the user key is.
func (ids *Identities) cluster(user string) (string, bool) {
	ids.mu.Lock()
	defer ids.mu.Unlock()
	name, ok := ids.byUser[user]
	return name, ok
}

// Revoked are the user keys of credentials that were replaced.
func (ids *Identities) Revoked() []string {
	ids.mu.Lock()
	defer ids.mu.Unlock()
	var out []string
	for _, id := range ids.known {
		out = append(out, id.Revoked...)
	}
	return out
}

// Issue implements hub.Identities.
func (ids *Identities) Issue(cluster string, replace bool) (protocol.Credential, error) {
	cred, err := ids.issue(cluster, replace)
	if err != nil || !replace {
		return cred, err
	}
	ids.mu.Lock()
	cutOff := ids.cutOff
	ids.mu.Unlock()
	if cutOff == nil {
		return cred, nil
	}
	return cred, cutOff(ids.Revoked())
}

// Revoke implements hub.Identities.
func (ids *Identities) Revoke(cluster string) error {
	ids.mu.Lock()
	id, ok := ids.known[cluster]
	if !ok || id.User == "" {
		ids.mu.Unlock()
		return nil
	}
	user := id.User
	id.Revoked = append(id.Revoked, user)
	id.User, id.OpenKey = "", nil
	err := ids.save(id)
	if err == nil {
		delete(ids.byUser, user)
		ids.known[cluster] = id
	}
	cutOff := ids.cutOff
	ids.mu.Unlock()
	if err != nil || cutOff == nil {
		return err
	}
	return cutOff(ids.Revoked())
}

func (ids *Identities) save(id identity) error {
	data, err := json.MarshalIndent(id, "", "  ")
	if err != nil {
		return err
	}
	return writeFile(filepath.Join(ids.dir, id.Cluster+".json"), data)
}

func (ids *Identities) issue(cluster string, replace bool) (protocol.Credential, error) {
	var none protocol.Credential
	if err := protocol.CheckName(cluster); err != nil {
		return none, err
	}
	ids.mu.Lock()
	defer ids.mu.Unlock()
	old, exists := ids.known[cluster]
	if old.User != "" && !replace {
		return none, fmt.Errorf("cluster %s: %w, on %s: its agent would be locked out by another. Use the manifest "+
			"you have; or say --replace if it is lost, and apply the new one", cluster, hub.ErrIssued, old.Issued.Format(time.DateTime))
	}
	pair, err := nkeys.CreateUser()
	if err != nil {
		return none, err
	}
	user, err := pair.PublicKey()
	if err != nil {
		return none, err
	}
	seed, err := pair.Seed()
	if err != nil {
		return none, err
	}
	private, public, err := protocol.NewOpenKey()
	if err != nil {
		return none, err
	}
	token, err := ids.keys.agentJWT(cluster, user)
	if err != nil {
		return none, err
	}
	id := identity{Cluster: cluster, User: user, OpenKey: public, Issued: time.Now().UTC()}
	if exists {
		id.Revoked = old.Revoked
		if old.User != "" {
			id.Revoked = append(id.Revoked, old.User)
		}
	}
	if err := ids.save(id); err != nil {
		return none, err
	}
	delete(ids.byUser, old.User)
	ids.known[cluster], ids.byUser[user] = id, cluster
	return protocol.Credential{
		Version: protocol.Version, Cluster: cluster, JWT: token, Seed: string(seed), OpenKey: private,
		Trust: protocol.Trust{Servers: ids.servers, HubKeys: [][]byte{ids.keys.Signer.Public().(ed25519.PublicKey)}},
	}, nil
}

// agentJWT allows user what protocol.AgentSubjects says, and nothing else.
func (k *Keys) agentJWT(cluster, user string) (string, error) {
	c := jwt.NewUserClaims(user)
	c.Name = cluster
	publish, subscribe := protocol.AgentSubjects(cluster)
	c.Permissions.Pub.Allow.Add(publish...)
	c.Permissions.Sub.Allow.Add(subscribe...)
	c.Limits.Subs = 16 // an agent needs two
	return c.Encode(k.account)
}

// userCredentials connect the hub itself.
func (k *Keys) userCredentials(pair, account nkeys.KeyPair, name string) (token string, seed []byte, err error) {
	pub, err := pair.PublicKey()
	if err != nil {
		return "", nil, err
	}
	c := jwt.NewUserClaims(pub)
	c.Name = name
	token, err = c.Encode(account)
	seed, err2 := pair.Seed()
	return token, seed, errors.Join(err, err2)
}
