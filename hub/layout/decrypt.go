package layout

import (
	"fmt"
	"strings"

	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/protocol"
)

// providerSOPS is what objects are encrypted with, as Flux calls it.
const providerSOPS = "sops"

// decryption is spec.decryption of a Kustomization of Flux.
type decryption struct {
	Provider  string
	SecretRef *struct{ Name string }
}

// readFluxDecryption takes what a Kustomization says of the decryption of its objects.
func readFluxDecryption(p *Plan, o *Object, k *decryption, app *fleet.App) error {
	if k == nil {
		return nil
	}
	if k.Provider != providerSOPS {
		return p.Errorf(o, "spec.decryption.provider", "%.80q is not known: the only one is %s, as in Flux", k.Provider, providerSOPS)
	}
	app.Handling.Decrypt = &protocol.Decryption{}
	if k.SecretRef == nil {
		return nil
	}
	if err := checkSubdomain(k.SecretRef.Name); err != nil {
		return p.Errorf(o, "spec.decryption.secretRef.name", "%.80q is no name of a Secret", k.SecretRef.Name)
	}
	app.Handling.Decrypt.Namespace, app.Handling.Decrypt.Secret = o.Namespace, k.SecretRef.Name
	return nil
}

// readDecryption takes spec.decryption.
func readDecryption(d document, spec *yaml.Node, app *fleet.App) error {
	n := field(spec, "decryption")
	if n == nil {
		return nil
	}
	var provider, secret string
	if err := d.checkKeys(n, "decryption", namesOf(decryptionShapes)...); err != nil {
		return err
	}
	if err := d.text(n, "provider", &provider); err != nil {
		return err
	}
	if err := d.text(n, "secret", &secret); err != nil {
		return err
	}
	if provider != providerSOPS {
		return d.errorf(n, "decryption.provider is to be %s, and is %.80q", providerSOPS, provider)
	}
	app.Handling.Decrypt = &protocol.Decryption{}
	if secret == "" {
		return nil
	}
	namespace, name, ok := strings.Cut(secret, "/")
	if !ok || protocol.CheckName(namespace) != nil || checkSubdomain(name) != nil {
		return d.errorf(field(n, "secret"), "decryption.secret %.80q is no Secret: write it as namespace/name", secret)
	}
	app.Handling.Decrypt.Namespace, app.Handling.Decrypt.Secret = namespace, name
	return nil
}

// checkSubdomain says what is wrong with a name that is to be a DNS subdomain, as those of most objects are.
func checkSubdomain(name string) error {
	for part := range strings.SplitSeq(name, ".") {
		if err := protocol.CheckName(part); err != nil {
			return fmt.Errorf("%.80q: %w", name, err)
		}
	}
	return nil
}
