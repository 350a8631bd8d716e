package protocol

import (
	"fmt"
	"strings"
)

// MaxName is the longest name of a cluster or an app, in bytes (RFC 1123 label).
const MaxName = 63

// CheckName says whether name can be the name of a cluster or an app: an RFC 1123 label, as
// Kubernetes has it for namespaces. Such a name is also a safe NATS token, label value and file name.
// The error says what is wrong with it.
func CheckName(name string) error {
	switch {
	case name == "":
		return fmt.Errorf("the name is empty: use 1 to %d lower-case letters, digits and '-'", MaxName)
	case len(name) > MaxName:
		return fmt.Errorf("the name %.20q… is %d characters long: use at most %d", name, len(name), MaxName)
	}
	for i := range len(name) {
		c := name[i]
		if c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '-' && i > 0 && i < len(name)-1 {
			continue
		}
		return fmt.Errorf("the name %q is no DNS label: use lower-case letters, digits and '-', "+
			"beginning and ending with a letter or digit", name)
	}
	return nil
}

// ObjectRef names one Kubernetes object. The version of its API is left out on purpose: the same
// object is served in several.
type ObjectRef struct {
	Group     string `json:"group,omitempty"`
	Kind      string `json:"kind"`
	Namespace string `json:"namespace,omitempty"`
	Name      string `json:"name"`
}

// String gives Kind/namespace/name, or Kind/name where there is no namespace.
func (r ObjectRef) String() string {
	if r.Namespace == "" {
		return r.Kind + "/" + r.Name
	}
	return r.Kind + "/" + r.Namespace + "/" + r.Name
}

// Compare orders references by group, kind, namespace and name.
func (r ObjectRef) Compare(o ObjectRef) int {
	for _, c := range [...]int{
		strings.Compare(r.Group, o.Group), strings.Compare(r.Kind, o.Kind),
		strings.Compare(r.Namespace, o.Namespace), strings.Compare(r.Name, o.Name),
	} {
		if c != 0 {
			return c
		}
	}
	return 0
}
