package flux

import (
	"github.com/drover-dev/drover/hub/layout/planning"
	"github.com/drover-dev/drover/hub/model"
	"github.com/drover-dev/drover/protocol"
)

// decryption is spec.decryption of a Kustomization of Flux.
type decryption struct {
	Provider  string
	SecretRef *struct{ Name string }
}

// readDecryption takes what a Kustomization says of the decryption of its objects.
func readDecryption(p *planning.Plan, o *planning.Object, k *decryption, app *model.App) error {
	if k == nil {
		return nil
	}
	if k.Provider != planning.ProviderSOPS {
		return p.Errorf(o, "spec.decryption.provider", "%.80q is not known: the only one is %s, as in Flux", k.Provider,
			planning.ProviderSOPS)
	}
	app.Handling.Decrypt = &protocol.Decryption{}
	if k.SecretRef == nil {
		return nil
	}
	if err := planning.CheckSubdomain(k.SecretRef.Name); err != nil {
		return p.Errorf(o, "spec.decryption.secretRef.name", "%.80q is no name of a Secret", k.SecretRef.Name)
	}
	app.Handling.Decrypt.Namespace, app.Handling.Decrypt.Secret = o.Namespace, k.SecretRef.Name
	return nil
}
