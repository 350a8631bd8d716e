package hub

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"time"

	"github.com/drover-dev/drover/hub/model"
	"github.com/drover-dev/drover/protocol"
)

// Bus carries bundles and blobs to the agents, and what they say back.
type Bus interface {
	Publisher
	Agents
}

// Publisher keeps bundles and blobs where agents get them.
type Publisher interface {
	// Put stores blobs, then bundles, and returns when the bus has them all. Blobs come first so that
	// no agent is ever told of one that is not there. An error that wraps ErrFull says that there is no space left.
	Put(ctx context.Context, blobs []model.Packed, bundles []Delivery) error
	// Holdings says what the bus has now. After it lost something, the hub brings it back.
	Holdings(ctx context.Context) (Holdings, error)
	// Drop removes blobs. One that is not there is no error.
	Drop(ctx context.Context, ids []string) error
	// Forget drops the bundle and the last report of a cluster.
	Forget(ctx context.Context, cluster string) error
}

// Agents speaks with the agents.
type Agents interface {
	// Ask asks cluster's agent for something, signed and sealed. An agent that is away does not hear it.
	Ask(ctx context.Context, cluster string, a protocol.Ask) error
	// Question asks for a person, and hands on the parts of the answer until the last. It sets the ID and expiry.
	Question(ctx context.Context, cluster string, q protocol.Question, each func(protocol.Answer) error) error
	// Listen calls back for all that agents say, and when the bus may have lost something, until ctx is done.
	Listen(ctx context.Context, to Listener) error
}

// Delivery is one cluster's sealed bundle.
type Delivery struct {
	Cluster    string
	Generation uint64
	Key        string // OpenKeyID of whom it is sealed to
	Sealed     []byte
	Epoch      uint64
	Revision   string // the commit that it was made from
}

// OpenKeyID names a public key that bundles are sealed to: the first 16 hexadecimal digits of its sha256.
func OpenKeyID(key []byte) string {
	sum := sha256.Sum256(key)
	return hex.EncodeToString(sum[:8])
}

// Holdings is what a bus has: of each cluster's bundle the epoch, generation and commit and the key it is sealed to,
// and the ids of complete blobs. Bundles that are not Proven have no epoch and no commit here, and their generation is
// a hint that anybody on the bus may have made.
type Holdings struct {
	Generations map[string]uint64
	Proven      map[string]bool // a hub of the fleet made what is said of the cluster's bundle
	Epochs      map[string]uint64
	Revisions   map[string]string
	Keys        map[string]string // see Delivery
	Blobs       map[string]bool
}

// Listener hears what agents say. Its methods are called from one goroutine, and do not block for long. What it is told
// is verified to come from an agent of that cluster.
type Listener interface {
	AgentListener
	CredentialListener
	BusListener
}

// AgentListener hears what an agent says of its cluster, see Listener.
type AgentListener interface {
	// Report is the last report of a cluster. Those of one cluster come in the order in which the bus took them. at
	// is when the bus received it.
	Report(cluster string, data []byte, at time.Time)
	// Event is one event of a cluster's journal.
	Event(cluster string, data []byte)
	// Link says that a cluster's agent is connected, or is not.
	Link(cluster string, connected bool, at time.Time)
}

// CredentialListener decides which agents may join, and hears which credentials changed, see Listener.
type CredentialListener interface {
	// Wanted says why no agent may join as cluster now; nil if one may. It may be called from any goroutine.
	Wanted(cluster string) error
	// Identities says that the credentials of clusters have changed: some joined, said hello with another, or were
	// revoked.
	Identities(clusters []string)
}

// BusListener hears of the bus itself and of other hubs on it, see Listener.
type BusListener interface {
	// Reset says that the bus was away, and may have lost something.
	Reset()
	// Damaged says what another client than a hub has changed on the bus. Reset follows.
	Damaged(what string, at time.Time)
	// Peer says that another hub of the fleet is there, and asks who else is.
	Peer(p protocol.Presence)
}

// Identities are the credentials of the clusters, as the hub's loop needs them.
type Identities interface {
	Credentials
	Places
}

// Credentials knows and ends the credentials of clusters.
type Credentials interface {
	// OpenKey is the public key that cluster's bundles are sealed to; ok is false as long as no credential was
	// made for its agent.
	OpenKey(cluster string) (key []byte, ok bool)
	// Clusters are those that have a credential, or had one until it was revoked, in no order.
	Clusters() []string
	// Identity is what is known of cluster's credentials.
	Identity(cluster string) Identity
	// Revoke ends every credential of a cluster, at once: live connections are cut. It is no error if there is none.
	Revoke(cluster string) error
	// Forget revokes every credential of a cluster, and no longer counts it among Clusters.
	Forget(cluster string) error
}

// Places knows which cluster credentials belong to.
type Places interface {
	// Place is the uid of kube-system of the cluster that the credentials belong to; "" if that is not known. Settle
	// remembers it, until the cluster joins with another token.
	Place(cluster string) (uid string)
	Settle(cluster, uid string) error
}

// Identity is what is known of a cluster's credentials, for people.
type Identity struct {
	Issued     time.Time `json:"issued,omitzero"`      // of the credential that its agent uses
	Expires    time.Time `json:"expires,omitzero"`     // of the same
	Valid      int       `json:"valid"`                // credentials that are good now
	Rotating   time.Time `json:"rotating,omitzero"`    // a rotation was asked for then, and is not done
	Revoked    time.Time `json:"revoked,omitzero"`     // all were revoked then, and the cluster has not joined since
	Token      time.Time `json:"token,omitzero"`       // a join token was not used yet, and is good until then
	ClusterUID string    `json:"clusterUID,omitempty"` // see Identities.Place
	// Suspended is until when the cluster is cut off because it said too much.
	Suspended time.Time `json:"suspended,omitzero"`
	// Dropped is how much was said in the cluster's name since the hub started that could not be verified; DroppedLast
	// and DroppedWhy are when that happened last, why, and what to do.
	Dropped     uint64    `json:"dropped,omitempty"`
	DroppedLast time.Time `json:"droppedLast,omitzero"`
	DroppedWhy  string    `json:"droppedWhy,omitempty"`
}

// Joins counts requests for credentials, those to renew among them, and connections that NATS itself turned away.
type Joins struct {
	Granted uint64    `json:"granted"`
	Refused uint64    `json:"refused"`
	Last    string    `json:"last,omitempty"` // why the last one was refused
	Time    time.Time `json:"time,omitzero"`  // and when
	// Distrusted is about connections to the embedded server whose agents do not trust its certificate.
	Distrusted Distrusted `json:"distrusted,omitzero"`
	// Former are the clusters whose agents still use a credential of an older release; see Identities.EndFormer.
	Former []string `json:"former,omitempty"`
	// AccountKey is the key that signs new credentials; empty if it was never rotated. Moving are the clusters whose
	// agents still use a credential that another one has signed.
	AccountKey string   `json:"accountKey,omitempty"`
	Moving     []string `json:"moving,omitempty"`
}

// Distrusted counts connections that agents broke off because they do not trust the hub's certificate: they joined a
// hub with other keys.
type Distrusted struct {
	Count     uint64    `json:"count"`
	Addresses int       `json:"addresses"` // from how many, as far as they are counted
	Last      string    `json:"last"`      // address of the last one
	Time      time.Time `json:"time"`      // and when
}

// TokenOptions are what a join token may do.
type TokenOptions struct {
	Replace bool          // it takes the place of the credentials there are
	TTL     time.Duration // 0 means a day
}

// ErrFull says that the bus has no space left.
var ErrFull = errors.New("the bus has no space left")
