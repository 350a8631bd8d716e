package agent

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"time"

	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/fleet/health"
	"github.com/drover-dev/drover/protocol"
)

// Manager is the field manager under which Drover applies.
const Manager = "drover"

// Sum is the beginning of a sha256: enough to see that something changed. The zero Sum means unknown.
type Sum [16]byte

// SumOf sums data.
func SumOf(data []byte) Sum {
	full := sha256.Sum256(data)
	return Sum(full[:16])
}

// MarshalText gives lower-case hexadecimal, or nothing for the zero Sum.
func (s Sum) MarshalText() ([]byte, error) {
	if s == (Sum{}) {
		return nil, nil
	}
	return hex.AppendEncode(nil, s[:]), nil
}

// UnmarshalText reads what MarshalText gave.
func (s *Sum) UnmarshalText(text []byte) error {
	*s = Sum{}
	if len(text) == 0 {
		return nil
	}
	raw, err := hex.DecodeString(string(text))
	if err != nil || len(raw) != len(s) {
		return errBadSum
	}
	copy(s[:], raw)
	return nil
}

// Resource says where the API server serves a kind.
type Resource struct {
	Group, Version, Kind string
	Plural               string
	Namespaced           bool
}

// APIVersion is the group and version as objects carry them.
func (r Resource) APIVersion() string {
	if r.Group == "" {
		return r.Version
	}
	return r.Group + "/" + r.Version
}

// Managed is one entry of an object's managedFields.
type Managed struct {
	Manager, Operation, Subresource, Time string
	Fields                                []byte // fieldsV1 as it was received
}

// Live is what the agent wants to know of an object in the cluster. Values are never part of it.
type Live struct {
	Ref     protocol.ObjectRef
	UID     string
	Version uint64 // its resourceVersion; they rise
	// Generation is that of its spec; 0 for kinds that have none.
	Generation int64
	App        string    // its label fleet.LabelApp
	KeptBy     string    // the annotation or label by which it is left when it would be pruned, see fleet.KeptBy; "" if there is none
	Paused     bool      // it is annotated to be left alone altogether
	Deleting   bool      // it is being deleted
	Outcome    Outcome   // how it has ended
	Created    bool      // of an apply: it was not there before
	Left       bool      // of an apply: it was there, and was left as it is
	Fields     Sum       // of the field set that Drover owns; zero if it owns none
	Hook       bool      // it is annotated as a hook, whoever made it
	HookRun    string    // its annotation fleet.AnnotationHookRun
	Held       []string  // its finalizers
	Managed    []Managed // not kept longer than needed
	// Whole are, of an apply, JSON pointers to fields that were left to others because a part of them is, and they have
	// one owner only.
	Whole  []string
	Owners []Owner
}

// Owner is an entry of an object's ownerReferences.
type Owner struct {
	APIVersion, Kind, Name, UID string
	Controller                  bool
}

// Found is an object that was looked for.
type Found struct {
	Resource Resource
	Live
}

// SightingKind says what a Sighting tells.
type SightingKind int

// The kinds of sightings. A list is told as SightListing, then SightObject for each item, then SightListed.
const (
	SightListing  SightingKind = iota // a complete list begins
	SightObject                       // an object as it is now, from a list or a watch
	SightGone                         // an object is no longer there, or no longer labelled as Drover's
	SightListed                       // the list is complete; Version is that of the list
	SightLost                         // the watch broke; Err says why. It is opened again
	SightWatching                     // it holds (again)
)

// Sighting is one thing that a watch tells.
type Sighting struct {
	Kind     SightingKind
	Resource Resource
	// Namespace is the one that is watched; "" for all.
	Namespace string
	Live      Live
	Verdict   fleet.Verdict // health of the object, for kinds that have any
	At        time.Time     // when it was received
	Err       error
}

// Culprit is who changed what in a drift.
type Culprit struct {
	Manager string   // the field manager that holds the fields now; "" if nobody does
	Fields  []string // readable paths
	More    int      // paths beyond those in Fields
}

// Cluster is the API of the Kubernetes cluster.
type Cluster interface {
	Kinds
	Discovery
	Watcher
	Explainer
	Searcher
	Identifier
}

// Resolver knows where kinds are served.
type Resolver interface {
	// Resolve finds where a kind is served. A *Failure of ReasonKind says that it is not (yet).
	Resolve(ctx context.Context, apiVersion, kind string) (Resource, error)
}

// Kinds knows where kinds are served, and learns of those that will be.
type Kinds interface {
	Resolver
	// Served finds where a kind is served, in the version that the API server prefers. A *Failure of ReasonKind says that it
	// is not (yet).
	Served(ctx context.Context, group, kind string) (Resource, error)
	// Learn adds kinds that are known to be served, as definitions that were just established say.
	Learn(served []Resource)
}

// Discovery reads what the API server is and serves.
type Discovery interface {
	// Discover reads what the API server serves, if that was not done yet.
	Discover(ctx context.Context) error
	// APIs are the groups with their versions and the kinds that are known to be served, as protocol.Report has
	// them; none, before all of
	// them were read. Nobody is asked.
	APIs() []string
	// APIsDigest identifies them, see protocol.APIsDigest.
	APIsDigest() string
	// Version is that of the API server.
	Version(ctx context.Context) (string, error)
}

// Watcher follows objects. All its methods block until ctx is done.
type Watcher interface {
	// Watch tells sight of every object of res that is labelled as Drover's, in one namespace or, if that is "", in
	// all, one call at a time, until ctx is done. Their health is judged by rules, where there is one for them.
	Watch(ctx context.Context, res Resource, namespace string, rules Rules, sight func(Sighting))
	// Follow tells sight of one object, whoever it belongs to, until ctx is done: SightObject as it is and whenever it
	// changes, SightGone while it is not there. Its health is judged by a rule, if there is one.
	Follow(ctx context.Context, res Resource, namespace, name string, rule *health.Rule, sight func(Sighting))
	// Scalers tells of every HorizontalPodAutoscaler in one namespace or, if that is "", in all, as Watch tells
	// of objects, one call at a time,
	// until ctx is done. The Scaler is empty where it is about none.
	Scalers(ctx context.Context, namespace string, tell func(SightingKind, Scaler))
	// Definitions calls changed with the name of every CustomResourceDefinition that comes or changes, until ctx is done.
	Definitions(ctx context.Context, changed func(name string))
	// Versions tells told the version of a ConfigMap or Secret, first as it is and then whenever it is another, 0 while it is not
	// there, one call at a time, until ctx is done.
	Versions(ctx context.Context, ref protocol.VarsRef, told func(version uint64))
}

// Explainer looks for what is not in an object itself: why it is not healthy, and how it ended.
type Explainer interface {
	// Explain looks for the cause why an object is not healthy, at its Pods, what they wrote last, and the events about
	// them. It tells found whenever what it knows changes, one call at a time, until ctx is done, or until nothing more will
	// come of it.
	Explain(ctx context.Context, res Resource, ref protocol.ObjectRef, found func(fleet.Cause)) error
	// Completed says whether an object that is gone completed before, as far as the cluster remembers. uid is that of the object.
	Completed(ctx context.Context, ref protocol.ObjectRef, uid string) (bool, error)
}

// Searcher finds objects that are in no inventory.
type Searcher interface {
	// Inside finds what a Namespace or CustomResourceDefinition holds, by metadata without Managed, and of which kinds that could be. An error
	// says that it is not known. Events, Endpoints and EndpointSlices are left out. Beyond a limit more says that there are others.
	Inside(ctx context.Context, container protocol.ObjectRef) (kinds []Resource, found []Found, more bool, err error)
	// Labelled finds all objects that are labelled as Drover's, in some namespaces or, if there are none, in the whole cluster. unread are the
	// API groups that are served by somebody who does not answer. others are the apps of other agents in the cluster.
	Labelled(ctx context.Context, namespaces []string) (found []Found, unread, others []string, err error)
}

// Identifier tells clusters apart.
type Identifier interface {
	// UID tells the cluster from every other, copies of it included: it is that of the namespace kube-system.
	UID(ctx context.Context) (string, error)
}

// Scaler is a HorizontalPodAutoscaler.
type Scaler struct {
	Namespace, Name string
	Target          protocol.ObjectRef // whose replicas it sets
}

// Patch is one object as it is applied.
type Patch struct {
	Line []byte // the object as canonical JSON
	App  string // whose it is; "" for nobody's: it gets no label
	// Manager is the field manager, if it is not Manager.
	Manager string
	// Polite leaves an object alone of which others have fields that would change: that is a Failure of ReasonManaged.
	Polite bool
	Try    bool // ask whether it can be done, and do not do it
	Leave  Leave
	// Strings: Drover, or whom it takes over from, may have applied the object with stringData, if it is a Secret.
	Strings bool
}

// Leave are the fields of an object that are left to others if it exists: they are not applied, not owned, and keep their values.
type Leave struct {
	Paths    []string // JSON pointers; the index of an item of a list is that in Patch.Line
	Managers []string // field managers whose fields are theirs
}

// IsZero says whether nothing is left to others.
func (l Leave) IsZero() bool { return len(l.Paths) == 0 && len(l.Managers) == 0 }

// Access is how objects are read and written.
type Access struct {
	// Account is the service account, as namespace/name, whose rights are used; "" for the agent's own.
	Account string
	// Secret: what the API server says of an object may quote what must not be shown.
	Secret bool
}

// Objects reads and writes objects one by one. Errors are *Failure.
type Objects interface {
	Applier
	Reader
	Remover
	Comparer
	Labeller
}

// Applier writes objects. Errors are *Failure.
type Applier interface {
	// Apply applies one object by server-side apply.
	Apply(ctx context.Context, res Resource, ref protocol.ObjectRef, p Patch) (Live, error)
	// TakeOver gives Drover the fields that were applied with other tools before, so that those go with the next apply that Git does not have.
	// Tools that still run keep theirs, and so do the field managers in but. first is for an object that Drover has just applied for the
	// first time. took says whether there was anything.
	TakeOver(ctx context.Context, res Resource, ref protocol.ObjectRef, first bool, but []string) (took bool, err error)
}

// Reader reads objects. Errors are *Failure.
type Reader interface {
	// Get reads an object's metadata.
	Get(ctx context.Context, res Resource, ref protocol.ObjectRef) (Live, error)
	// Data reads the data of a ConfigMap or Secret, and its version.
	Data(ctx context.Context, ref protocol.VarsRef) (data map[string]string, version uint64, err error)
	// LastWords says of a Pod that failed, or of the newest one of a Job, how its log ends, or why it does not start; nothing of any
	// other kind.
	LastWords(ctx context.Context, ref protocol.ObjectRef) (string, error)
}

// Remover deletes objects that Reader found. Errors are *Failure.
type Remover interface {
	// Delete deletes the object that Get found, unless it changed since. gone says that it left at once.
	Delete(ctx context.Context, res Resource, live Live) (gone bool, err error)
	// Retire deletes the object that Get found, what it owns first, and takes fleet.FinalizerHook from it. gone says that it left at once.
	Retire(ctx context.Context, res Resource, live Live) (gone bool, err error)
	// Release takes fleet.FinalizerHook from the object that Get found, unless it changed since.
	Release(ctx context.Context, res Resource, live Live) error
}

// Labeller says whose an object is. Errors are *Failure.
type Labeller interface {
	// Relabel gives the object that Get found the label of an app, unless it changed since. Nothing else of it is another.
	Relabel(ctx context.Context, res Resource, live Live, app string) error
}

// Comparer finds who changed an object. It asks nobody.
type Comparer interface {
	// Blame compares an object as it was seen drifted with how it was repaired.
	Blame(drifted, repaired Live) Culprit
}

// Bus is the session with the hub.
type Bus interface {
	Session
	Blobs
	Reporter
	Answerer
}

// Session joins, connects and renews.
type Session interface {
	// Join has the cluster join, if it has not, however long that takes. It fails when ctx is done, or with ErrLost.
	Join(ctx context.Context) error
	// Run holds the session until ctx is done. deliver gets every sealed bundle that arrives, at once and
	// after each connecting; connected is told when the session holds and when it is lost. It fails with ErrLost.
	Run(ctx context.Context, deliver func(sealed []byte), connected func(bool), asked func(protocol.Ask)) error
	// Renew has the credential renewed soon, as when the hub seals to a key that this side no longer has.
	Renew()
}

// Blobs fetches rendered objects.
type Blobs interface {
	// Chunk fetches one chunk of a blob. ErrOffline says that the hub cannot be asked now.
	Chunk(ctx context.Context, id string, chunk int) ([]byte, error)
}

// Answerer sends answers to questions.
type Answerer interface {
	// Answer sends a part of the answer to the question with this id. When it returns, the server has it.
	Answer(ctx context.Context, id string, part []byte) error
}

// Reporter sends what the agent has to say.
type Reporter interface {
	// Report publishes a report.
	Report(ctx context.Context, data []byte) error
	// Record publishes events to the journal. With an error any number of them may have arrived.
	Record(ctx context.Context, events [][]byte) error
}
