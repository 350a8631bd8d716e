package protocol

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// Limits on what a decoder accepts.
const (
	MaxBundle = 8 << 20   // bytes of a bundle's JSON
	MaxBlob   = 256 << 20 // bytes of one app's rendered objects, before compression
	// MaxGeneration is the highest generation: what fits a JSON number exactly. Nobody gets there by publishing.
	MaxGeneration = 1 << 53
	// MaxFollowed is the highest generation that a hub takes up from what others say, so that it can always publish above it.
	MaxFollowed = MaxGeneration / 2
	// MaxGenerationStep and MaxEpochStep are how far above what it has accepted an agent believes a bundle: one bundle of a hub that was
	// captured must not be the last that the agent can ever accept. What a hub takes up from others stays far below.
	MaxGenerationStep = 1 << 40
	MaxEpochStep      = 1 << 24
	// MaxEpoch is the highest epoch.
	MaxEpoch = 1 << 48
)

// Revision is one Git commit, as people need it to recognise it.
type Revision struct {
	Hash    string    `json:"hash"`              // full commit id
	Branch  string    `json:"branch,omitempty"`  // where it was read
	Subject string    `json:"subject,omitempty"` // first line of its message
	Time    time.Time `json:"time,omitzero"`     // committer time
}

// Short is the first eight characters of the commit id.
func (r Revision) Short() string { return r.Hash[:min(8, len(r.Hash))] }

// Bundle is the whole desired state of one cluster at a revision.
type Bundle struct {
	Version    int    `json:"version"`
	Cluster    string `json:"cluster"`
	Generation uint64 `json:"generation"` // strictly rising per cluster, from 1
	// Epoch counts how often a hub with another data directory took the fleet over. Bundles are ordered by (Epoch, Generation). 0 stands for
	// hubs that are older than epochs.
	Epoch    uint64   `json:"epoch,omitempty"`
	Revision Revision `json:"revision"` // the newest revision when this generation was published
	Suspend  bool     `json:"suspend,omitempty"`
	// Incomplete, if not empty, says why Apps may lack some that exist. An app that is
	// missing from such a bundle is left as it is: absence never deletes.
	Incomplete string `json:"incomplete,omitempty"`
	// FlagsUnknown, if not empty, says why Suspend and AgentImage are not known. The agent keeps those that it accepted last.
	FlagsUnknown string `json:"flagsUnknown,omitempty"`
	Apps         []App  `json:"apps"`
	// Deletions bounds what may be deleted; nil in bundles of hubs that are older than the guard.
	Deletions *Deletions `json:"deletions,omitempty"`
	// ClusterUID is the uid of the namespace kube-system of the cluster that the bundle is for; "" if the hub does not
	// know it. An agent that finds itself in another cluster applies nothing.
	ClusterUID string `json:"clusterUID,omitempty"`
	// AgentImage is the image that the agent itself is to run; it is not changed if empty.
	AgentImage string `json:"agentImage,omitempty"`
	// Trust is whom to believe from now on; nil for no news.
	Trust *Trust `json:"trust,omitempty"`
	// Content is the digest of what the bundle asks for, as the hub that signed it computed it. An agent repeats it and
	// does not compute its own: it may not know all fields of a newer hub's bundle.
	Content string `json:"content,omitempty"`
}

// App is one app of a bundle.
type App struct {
	// Name is the app's key: a DNS label that follows from Declared alone. People are shown another name.
	Name string `json:"name"`
	// Declared is what declares the app, as package fleet/identity writes it: "Kustomization media/plex", or "App web". It is
	// "" of hubs that are older than it.
	Declared string `json:"declared,omitempty"`
	// Formerly are names that such hubs gave an app of the same declaration. What an agent has under one of them, and what is
	// not known to be of another declaration, goes on under Name.
	Formerly []string `json:"formerly,omitempty"`
	// Parent is the app whose objects declare this one; "" if the cluster's folder does.
	Parent    string   `json:"parent,omitempty"`
	DependsOn []string `json:"dependsOn,omitempty"` // names of apps that must be healthy first
	Prune     bool     `json:"prune,omitempty"`     // objects that left the app are deleted
	Suspend   bool     `json:"suspend,omitempty"`   // leave everything of this app as it is
	Namespace string   `json:"namespace,omitempty"` // for namespaced objects that name none; "default" if empty
	Timeout   int      `json:"timeout,omitempty"`   // seconds an app may take to become healthy; 0: the agent's own
	Revision  string   `json:"revision,omitempty"`  // commit id at which Blob was rendered
	// Blob is what to apply. Without one nothing is known of what the app should be, and
	// what is there stays; Error says why.
	Blob *Blob `json:"blob,omitempty"`
	// Error says why Blob is not of the newest revision: the app keeps its last good state.
	Error string `json:"error,omitempty"`
	// Reason is Error for programs; without it, it is RenderFailed.
	Reason Reason `json:"reason,omitempty"`
	// Needs names what an agent must know to handle the app as it is asked to, see Handling.Needs. One that does not know it leaves
	// the app as it is, and says so: what it ignored might be what keeps the app from doing harm.
	Needs []string `json:"needs,omitempty"`
	Handling
}

// Blob refers to rendered objects: canonical JSON, one object a line (application/x-ndjson),
// compressed with zstd (RFC 8878), encrypted, and cut in chunks of MaxChunk.
type Blob struct {
	Digest  string `json:"digest"`  // lower-case hexadecimal sha256 of the lines, before compression
	Key     []byte `json:"key"`     // opens the blob, see SealBlob; its id follows from it
	Size    int64  `json:"size"`    // bytes of the lines
	Chunks  int    `json:"chunks"`  // messages it is cut in
	Objects int    `json:"objects"` // lines
	// Secret: in the lines are values that the hub decrypted. The blob is made for one cluster, and what is in it is not told.
	// It opens like any other.
	Secret bool `json:"secret,omitempty"`
}

// Digest identifies what a bundle asks for: everything but the epoch, the generation and the revisions it
// was published under, and which cluster it is for. Two bundles of equal digest ask for the same. It is Content, if
// there is one.
func (b Bundle) Digest() string {
	if b.Content != "" {
		return b.Content
	}
	b.Epoch, b.Generation, b.Revision, b.ClusterUID = 0, 0, Revision{}, ""
	apps := make([]App, len(b.Apps))
	copy(apps, b.Apps)
	for i := range apps {
		apps[i].Revision = ""
	}
	b.Apps = apps
	data, err := json.Marshal(b)
	if err != nil {
		panic("protocol: a bundle that is not JSON: " + err.Error()) // plain data: cannot happen
	}
	// Bytes that are no UTF-8 are sent as \ufffd, and come back as that character: the digest of what was sent must
	// be that of what arrives.
	data = bytes.ReplaceAll(data, []byte(`\ufffd`), []byte("\ufffd"))
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// Check says what is wrong with a bundle, by whichever key it is signed.
func (b Bundle) Check() error {
	if err := checkVersion("bundle", b.Version, "this program"); err != nil {
		return err
	}
	if b.Version < 1 || b.Generation == 0 {
		return errors.New("the bundle has no version or no generation")
	}
	if b.Generation > MaxGeneration {
		return fmt.Errorf("the bundle's generation %d is out of bounds", b.Generation)
	}
	if b.Epoch > MaxEpoch {
		return fmt.Errorf("the bundle's epoch %d is out of bounds", b.Epoch)
	}
	if err := CheckName(b.Cluster); err != nil {
		return fmt.Errorf("the bundle's cluster: %w", err)
	}
	if b.Trust != nil {
		if err := b.Trust.Check("bundle"); err != nil {
			return err
		}
	}
	seen := make(map[string]bool, len(b.Apps))
	for _, a := range b.Apps {
		if err := CheckName(a.Name); err != nil {
			return fmt.Errorf("an app of the bundle: %w", err)
		}
		if seen[a.Name] {
			return fmt.Errorf("the bundle names the app %s twice", a.Name)
		}
		seen[a.Name] = true
		if a.Blob != nil {
			if err := a.Blob.check(); err != nil {
				return fmt.Errorf("app %s: %w", a.Name, err)
			}
		}
	}
	return nil
}

// ErrVersion marks a message of a wire version that this program does not speak yet.
var ErrVersion = errors.New("newer wire version")

// checkVersion says that a message is newer than its reader, and who has to be upgraded. Decoders ask it first, even
// where the message does not decode: a newer version is allowed not to.
func checkVersion(message string, version int, reader string) error {
	if version <= Version {
		return nil
	}
	return fmt.Errorf("%w: the %s is of wire version %d, %s speaks %d: upgrade it", ErrVersion, message, version, reader, Version)
}

func (b *Blob) check() error {
	if raw, err := hex.DecodeString(b.Digest); err != nil || len(raw) != sha256.Size {
		return fmt.Errorf("the blob's digest %.80q is no sha256", b.Digest)
	}
	if len(b.Key) != blobKeySize {
		return fmt.Errorf("the blob's key has %d bytes instead of %d", len(b.Key), blobKeySize)
	}
	if b.Size < 0 || b.Size > MaxBlob || b.Chunks < 1 || b.Chunks > MaxBlob/MaxChunk+1 || b.Objects < 0 {
		return fmt.Errorf("the blob's size (%d bytes, %d chunks, %d objects) is out of bounds", b.Size, b.Chunks, b.Objects)
	}
	return nil
}
