package protocol

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// JoinToken buys one credential for one cluster, once. It is a NATS user of its own that may ask for that and nothing
// else: the server sees that the client holds the seed, and the hub keeps no more of it than its public key. It also
// pins whom the agent will believe.
type JoinToken struct {
	Version int    `json:"version"`
	Cluster string `json:"cluster"`
	Trust
	JWT     string    `json:"jwt"`  // NATS user JWT of the token; it outlives Expires a little, for a grant that was lost
	Seed    string    `json:"seed"` // and its nkey seed
	User    string    `json:"user"` // public key of it
	Expires time.Time `json:"expires"`
}

// DecodeJoinToken reads a join token, and says what it lacks.
func DecodeJoinToken(data []byte) (JoinToken, error) {
	var t JoinToken
	err := json.Unmarshal(data, &t)
	if newer := checkVersion("join token", t.Version, "this program"); newer != nil {
		return JoinToken{}, newer
	}
	if err != nil {
		return JoinToken{}, fmt.Errorf("the join token cannot be read: %w", err)
	}
	if err := CheckName(t.Cluster); err != nil {
		return JoinToken{}, fmt.Errorf("the join token's cluster: %w", err)
	}
	if t.JWT == "" || t.Seed == "" || t.User == "" || t.Expires.IsZero() || len(t.HubOpen) == 0 {
		return JoinToken{}, errors.New("the join token is incomplete: make a new one with `drover agent manifest`")
	}
	if err := t.Check("join token"); err != nil {
		return JoinToken{}, err
	}
	return t, nil
}

// KeyRequest asks for a credential for key pairs that were made in the cluster, whose private parts never leave it. A
// join token's key signs the first one of a cluster, its current credential's key those that renew it. The same
// request again gets the same answer: a request or an answer may be lost.
type KeyRequest struct {
	Version int    `json:"version"`
	Cluster string `json:"cluster"`
	User    string `json:"user"`    // public NATS user key
	OpenKey []byte `json:"openKey"` // X25519 public key that bundles are to be sealed to
	// ClusterUID is the uid of the namespace kube-system; "" if it is not known.
	ClusterUID string `json:"clusterUID,omitempty"`
	// Nonce is chosen for this request; the Grant repeats it, so that an earlier one is worth nothing.
	Nonce string `json:"nonce,omitempty"`
}

// MaxNonce is how many bytes a nonce may have.
const MaxNonce = 64

// Hello is what an agent says whenever it has connected: which credential it uses now. It carries the JWT, so that a
// hub whose memory was brought back from a backup knows the cluster again.
type Hello struct {
	Version int       `json:"version"`
	Cluster string    `json:"cluster"`
	Time    time.Time `json:"time"` // the agent's clock; a hub takes no Hello that is older than the last one
	JWT     string    `json:"jwt"`
	OpenKey []byte    `json:"openKey"` // public
}

// Grant answers a KeyRequest. It holds no secret.
type Grant struct {
	Version int    `json:"version"`
	Cluster string `json:"cluster"`
	User    string `json:"user"`            // whom it is for
	Error   string `json:"error,omitempty"` // why there is none, and what to do
	// Final says that asking again with the same token or credential cannot succeed.
	Final   bool      `json:"final,omitempty"`
	JWT     string    `json:"jwt,omitempty"`
	Issued  time.Time `json:"issued,omitzero"`
	Expires time.Time `json:"expires,omitzero"` // of JWT
	Trust   *Trust    `json:"trust,omitempty"`
	Nonce   string    `json:"nonce,omitempty"` // of the request; "" from hubs that know none
	Epoch   uint64    `json:"epoch,omitempty"` // of the bundles that the hub publishes; see Bundle.Epoch
}

// RenewAt is when a credential is to be renewed: at two thirds of its life. It is zero if it never expires.
func RenewAt(issued, expires time.Time) time.Time {
	if expires.IsZero() {
		return time.Time{}
	}
	return issued.Add(expires.Sub(issued) * 2 / 3)
}

// AskKind says what an Ask asks for.
type AskKind string

// The kinds of asks. An agent ignores those it does not know.
const (
	AskJournal AskKind = "journal" // publish the events From to To again, as far as they are kept
	AskRenew   AskKind = "renew"   // renew the credential now
	AskAPIs    AskKind = "apis"    // say in the next report what the API server serves
	AskFetch   AskKind = "fetch"   // fetch the bundle from the bucket again, and report
	// AskQuestion asks Ask.Question, and AskStop ends the answer to the one with its ID.
	AskQuestion AskKind = "question"
	AskStop     AskKind = "stop"
)

// Ask is what the hub asks an agent to do now. It never carries desired state.
type Ask struct {
	Version int     `json:"version"`
	Cluster string  `json:"cluster"`
	Kind    AskKind `json:"kind"`
	From    uint64  `json:"from,omitempty"` // first Event.Seq, inclusive
	To      uint64  `json:"to,omitempty"`   // last, inclusive
	// Epoch is that of the bundles which the hub publishes, Time its clock, and Nonce is of this ask alone: so an agent
	// knows one of a hub that another has taken over from, and one that is replayed.
	Epoch uint64    `json:"epoch,omitempty"`
	Time  time.Time `json:"time,omitzero"`
	Nonce string    `json:"nonce,omitempty"`
	// Question is for AskQuestion and AskStop.
	Question *Question `json:"question,omitempty"`
}

// The DSSE payload types of the messages of this file.
const (
	KeyRequestType = "application/vnd.drover.keyrequest+json"
	HelloType      = "application/vnd.drover.hello+json"
	GrantType      = "application/vnd.drover.grant+json"
	AskType        = "application/vnd.drover.ask+json"
)

// JoinSubject is where the holder of the token with this public key asks for a credential.
func JoinSubject(tokenUser string) string { return "join." + tokenUser }

// RenewSubject is where cluster's agent asks for its next credential.
func RenewSubject(cluster string) string { return "renew." + cluster }

// HelloSubject is where cluster's agent says hello.
func HelloSubject(cluster string) string { return "hello." + cluster }

// AskSubject is where cluster's agent is asked.
func AskSubject(cluster string) string { return "ask." + cluster }

// JoinSubjects are exactly what a join token allows: what it may publish to, and what it may subscribe to.
func JoinSubjects(tokenUser string) (publish, subscribe []string) {
	return []string{JoinSubject(tokenUser)}, []string{InboxPrefix(tokenUser) + ".>"}
}
