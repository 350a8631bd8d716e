package native

import (
	"strings"

	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/drover-dev/drover/hub/layout/document"
	"github.com/drover-dev/drover/hub/layout/planning"
	"github.com/drover-dev/drover/hub/model"
	"github.com/drover-dev/drover/protocol"
)

// readDecryption takes spec.decryption.
func readDecryption(d document.Document, spec *yaml.Node, app *model.App) error {
	n := document.Field(spec, "decryption")
	if n == nil {
		return nil
	}
	var provider, secret string
	if err := d.CheckKeys(n, "decryption", namesOf(decryptionShapes)...); err != nil {
		return err
	}
	if err := d.Text(n, "provider", &provider); err != nil {
		return err
	}
	if err := d.Text(n, "secret", &secret); err != nil {
		return err
	}
	if provider != planning.ProviderSOPS {
		return d.Errorf(n, "decryption.provider is to be %s, and is %.80q", planning.ProviderSOPS, provider)
	}
	app.Handling.Decrypt = &protocol.Decryption{}
	if secret == "" {
		return nil
	}
	namespace, name, ok := strings.Cut(secret, "/")
	if !ok || protocol.CheckName(namespace) != nil || planning.CheckSubdomain(name) != nil {
		return d.Errorf(document.Field(n, "secret"), "decryption.secret %.80q is no Secret: write it as namespace/name",
			secret)
	}
	app.Handling.Decrypt.Namespace, app.Handling.Decrypt.Secret = namespace, name
	return nil
}

// readAccount takes spec.serviceAccount.
func readAccount(d document.Document, spec *yaml.Node, to *string) error {
	if err := d.Text(spec, "serviceAccount", to); err != nil || *to == "" {
		return err
	}
	if err := planning.CheckAccount(*to); err != nil {
		return d.Errorf(document.Field(spec, "serviceAccount"), "serviceAccount %v", err)
	}
	return nil
}
