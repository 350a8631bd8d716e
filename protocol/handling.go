package protocol

import "encoding/json"

// Handling is how an agent applies the objects of one app and judges them, where that differs from what is so for every app. The zero
// value asks for nothing.
type Handling struct {
	// ServiceAccount is the account, as namespace/name, whose rights the agent uses for the app's objects; "" for its own.
	ServiceAccount string `json:"serviceAccount,omitempty"`
	// CreateNamespace has the agent create App.Namespace where it is not there. It is never deleted.
	CreateNamespace *NamespaceRequest `json:"createNamespace,omitempty"`
	// Orphan: when the app itself goes, its objects stay. For objects that leave the app see App.Prune.
	Orphan bool `json:"orphan,omitempty"`
	// Recreate: an object with an immutable field that changed is deleted and recreated.
	Recreate bool `json:"recreate,omitempty"`
	// KeepDrift: drift is told and left. What changed in Git is applied.
	KeepDrift bool         `json:"keepDrift,omitempty"`
	Ignored   []Ignored    `json:"ignored,omitempty"`
	Health    []HealthRule `json:"health,omitempty"` // they take precedence over the agent's own
	// Checks are objects beside the app's own that must be healthy for it to be.
	Checks []ObjectRef `json:"checks,omitempty"`
	// Ready are conditions on apps in App.DependsOn, beside their health.
	Ready []Readiness `json:"ready,omitempty"`
	// Decrypt has the agent decrypt objects that are encrypted with SOPS, before anything else is done to them.
	Decrypt *Decryption `json:"decrypt,omitempty"`
	// Substitute has the agent replace ${var} in the objects, because some variables are known in the cluster alone. Nothing was
	// replaced before, then.
	Substitute *Substitution `json:"substitute,omitempty"`
	// Opaque are values that the agent puts into the objects in place of tokens, because they are known in the cluster
	// alone and what rendered the objects passed them on unread.
	Opaque []Opaque `json:"opaque,omitempty"`
	// Rollback are the digests of blobs that the app was given after this content and that were taken back, the newest
	// first. An agent that has one of them, or has begun to deliver it, goes back: of the app's hooks those run that are
	// for a rollback, and those do not that lead to a revision. For any other agent this is content like all other.
	Rollback []string `json:"rollback,omitempty"`
}

// What an agent may need to know, see App.Needs.
const (
	NeedServiceAccount = "serviceAccount" // Handling.ServiceAccount
	NeedDecrypt        = "decrypt"        // Handling.Decrypt
	NeedSubstitute     = "substitute"     // Handling.Substitute
	NeedOrphan         = "orphan"         // Handling.Orphan
	NeedRollback       = "rollback"       // Handling.Rollback
	NeedOpaque         = "opaque"         // Handling.Opaque
)

// Needs names what an agent must know, or it would do with the objects what must not be done.
func (h Handling) Needs() []string {
	var out []string
	if h.ServiceAccount != "" {
		out = append(out, NeedServiceAccount)
	}
	if h.Decrypt != nil {
		out = append(out, NeedDecrypt)
	}
	if h.Substitute != nil {
		out = append(out, NeedSubstitute)
	}
	if h.Orphan {
		out = append(out, NeedOrphan)
	}
	if len(h.Rollback) > 0 {
		out = append(out, NeedRollback)
	}
	if len(h.Opaque) > 0 {
		out = append(out, NeedOpaque)
	}
	return out
}

// NamespaceRequest is what a namespace gets when it is created.
type NamespaceRequest struct {
	Labels      map[string]string `json:"labels,omitempty"`
	Annotations map[string]string `json:"annotations,omitempty"`
}

// Ignored names fields of one object that are left to others once the object exists.
type Ignored struct {
	Object ObjectRef `json:"object"` // as the blob has it: without a namespace where it names none
	// Paths are JSON pointers (RFC 6901).
	Paths []string `json:"paths,omitempty"`
	// Managers are field managers: what they own is theirs.
	Managers []string `json:"managers,omitempty"`
}

// HealthRule judges objects of one kind, of any version. The expressions are over the object, whose fields are the variables: status, spec,
// metadata and whatever else it has. They are asked in the order in which they stand here, which is that of Flux (its RFC 0009); where
// none is true, the object is progressing.
type HealthRule struct {
	Group      string      `json:"group,omitempty"`
	Kind       string      `json:"kind,omitempty"` // "" for all of the group that no other rule is for
	InProgress *Expression `json:"inProgress,omitempty"`
	Failed     *Expression `json:"failed,omitempty"`
	Paused     *Expression `json:"paused,omitempty"` // agents that do not know it call such an object progressing
	Current    *Expression `json:"current,omitempty"`
	// Message gives the cause, as text, of an object that is not current. Without it, or where it gives "", the conditions of the
	// object say it.
	Message *Expression `json:"message,omitempty"`
}

// Readiness is a condition on an app that another depends on. Its expression is over self, the app that waits, and dep, the one that is
// waited for. Both have the shape of Flux' objects: metadata and spec as Git has them, status as the agent knows it.
type Readiness struct {
	App string `json:"app"`
	Expression
	// Instead: the expression alone says whether the other is ready, and its health is not asked.
	Instead bool `json:"instead,omitempty"`
	// Self and Dep are the two objects as JSON, without status.
	Self json.RawMessage `json:"self,omitempty"`
	Dep  json.RawMessage `json:"dep,omitempty"`
}

// Expression is an expression of the Common Expression Language (https://cel.dev), checked by the hub and taken apart, so that an agent
// need not parse it.
type Expression struct {
	Text string          `json:"text"` // as it is written
	Tree json.RawMessage `json:"tree"` // as package fleet/expr evaluates it
}

// Decryption says where the keys are with which an app's objects are decrypted.
type Decryption struct {
	Namespace string `json:"namespace,omitempty"` // of Secret
	Secret    string `json:"secret,omitempty"`    // its values of keys that end in .agekey are age identities; "" for the agent's own keys
}

// Substitution are the variables of an app. Vars take precedence over From, and of From a later object over an earlier one.
type Substitution struct {
	Vars map[string]string `json:"vars,omitempty"`
	From []VarsRef         `json:"from,omitempty"`
	// Strict: a variable without a value and without a default is an error; otherwise it is empty.
	Strict bool `json:"strict,omitempty"`
	// Always: objects are gone through even if there are no variables at all; otherwise they are left as they are then.
	Always bool `json:"always,omitempty"`
}

// Opaque is a value that stands for a token in the objects of an app, see package fleet/opaque.
type Opaque struct {
	// Token is replaced by the value wherever it stands, in the data of a Secret also below base64.
	Token string `json:"token"`
	// Key is the value's in the data of From, of which a later object takes precedence over an earlier one.
	Key  string    `json:"key,omitempty"`
	From []VarsRef `json:"from,omitempty"`
	// Template is what is put in where that is not the value as it is, as "${DOMAIN/./-}": Key is the one variable in
	// it.
	Template string `json:"template,omitempty"`
	// Digest: Token is a digest over the tokens of the app, and what stands for it follows from all of their values. It
	// has
	// neither Key nor From.
	Digest bool `json:"digest,omitempty"`
}

// VarsRef is a ConfigMap or Secret of the cluster whose data are variables.
type VarsRef struct {
	Kind      string `json:"kind"`
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
	Optional  bool   `json:"optional,omitempty"` // no error if it does not exist
}

// String is "Kind namespace/name".
func (r VarsRef) String() string { return r.Kind + " " + r.Namespace + "/" + r.Name }

// String is what stands for the token, for people.
func (o Opaque) String() string {
	switch {
	case o.Digest:
		return "(digest)"
	case o.Template != "":
		return o.Template
	}
	return "${" + o.Key + "}"
}
