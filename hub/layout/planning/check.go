package planning

import (
	"fmt"
	"strings"

	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/protocol"
)

// ProviderSOPS is what objects are encrypted with, as Flux calls it.
const ProviderSOPS = "sops"

// CheckSubdomain says what is wrong with a name that is to be a DNS subdomain, as those of most objects are.
func CheckSubdomain(name string) error {
	for part := range strings.SplitSeq(name, ".") {
		if err := protocol.CheckName(part); err != nil {
			return fmt.Errorf("%.80q: %w", name, err)
		}
	}
	return nil
}

// HealthRef names an object of which the health is asked.
type HealthRef struct{ APIVersion, Kind, Namespace, Name string }

// Ref is the object that a health check names.
func (c HealthRef) Ref() protocol.ObjectRef {
	return protocol.ObjectRef{Group: fleet.GroupOf(c.APIVersion), Kind: c.Kind, Namespace: c.Namespace, Name: c.Name}
}

// CheckAccount says what is wrong with a service account, which is written namespace/name.
func CheckAccount(account string) error {
	namespace, name, ok := strings.Cut(account, "/")
	err := protocol.CheckName(namespace)
	if !ok || err != nil || CheckSubdomain(name) != nil { // unlike a namespace
		return fmt.Errorf("%.80q is no service account: write it as namespace/name", account)
	}
	return nil
}
