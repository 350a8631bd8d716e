package hub_test

import (
	"strings"
	"testing"
)

// What is encrypted is delivered as it is where the app says that it is decrypted, whatever tool the app was written for.
func TestEncryptedObjectsAreLeftToTheAgentThatDecrypts(t *testing.T) {
	t.Parallel()
	const secret = "-- app/s.yaml --\napiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData: {a: \"ENC[AES256_GCM,data:x]\"}\nsops: {mac: x}\n"
	native := func(decryption string) string {
		return "-- clusters/staging/app.yaml --\napiVersion: drover.dev/v1alpha1\nkind: App\nmetadata: {name: app}\nspec: {path: app, " + decryption + "}\n" + secret
	}
	flux := func(decryption string) string {
		return bootstrap + kustomization("app", "  path: app\n  decryption: "+decryption+"\n") + secret
	}
	const refused = "ERR app/s.yaml: Secret s is encrypted with SOPS, and the app does not say that it is to be decrypted"
	for _, c := range []struct{ name, tree, want string }{
		{"a Kustomization", flux("{provider: sops, secretRef: {name: age}}"), `{"decrypt":{"namespace":"flux-system","secret":"age"}}`},
		{"one without keys of its own", flux("{provider: sops}"), `{"decrypt":{}}`},
		{"another provider", flux("{provider: vault}"), `ERR clusters/staging/app.yaml:11: Kustomization flux-system/app: spec.decryption.provider: "vault" is not known`},
		{"a name that is none", flux("{provider: sops, secretRef: {name: ../a}}"), `ERR clusters/staging/app.yaml:11: Kustomization flux-system/app: spec.decryption.secretRef.name: "../a" is no name`},
		{"an App", native("decryption: {provider: sops, secret: shop/age}"), `{"decrypt":{"namespace":"shop","secret":"age"}}`},
		{"an App without keys of its own", native("decryption: {provider: sops}"), `{"decrypt":{}}`},
		{"an App with another provider", native("decryption: {provider: vault}"), "ERR clusters/staging/app.yaml:4: decryption.provider is to be sops"},
		{"an App with half a name", native("decryption: {provider: sops, secret: age}"), `ERR clusters/staging/app.yaml:4: decryption.secret "age" is no Secret: write it as namespace/name`},
		{"an App with a typing mistake", native("decryption: {provider: sops, secrets: a}"), "ERR clusters/staging/app.yaml:4: "},
		{"an App that does not say it", native("prune: true"), refused},
		{"with metadata laid over", native("commonMetadata: {labels: {a: b}}"), refused},
		{"with variables replaced", native("substitute: true"), refused},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newScene(t, c.tree)
			if got := b.handled("app"); !strings.HasPrefix(got, c.want) {
				t.Errorf("got:\n%s\nwant:\n%s", got, c.want)
			}
			objects := b.summary(b.resolve("staging"))
			if delivered := strings.Contains(objects, "ENC[AES256_GCM,data:x]"); delivered == strings.HasPrefix(c.want, "ERR") {
				t.Errorf("delivered is %v:\n%s", delivered, objects)
			}
		})
	}

	// The folder's own objects go by what is said of the folder.
	root := "-- clusters/staging/s.yaml --" + strings.TrimPrefix(secret, "-- app/s.yaml --")
	if got := newScene(t, bootstrap+root).handled("root"); !strings.HasPrefix(got, "ERR clusters/staging/s.yaml: Secret s is encrypted with SOPS") {
		t.Errorf("root: %s", got)
	}
	if got := newScene(t, strings.Replace(bootstrap, "  path: ./clusters/staging\n", "  path: ./clusters/staging\n  decryption: {provider: sops}\n", 1)+root).handled("root"); got != `{"decrypt":{}}` {
		t.Errorf("root: %s", got)
	}
}

// A patch that is encrypted is decrypted by Flux before the build; the hub merges it as it is, and the agent decrypts the
// object. Where the app does not say that it is decrypted, it stops.
func TestAnEncryptedPatchIsLeftToTheAgent(t *testing.T) {
	t.Parallel()
	const files = `
-- shop/base/kustomization.yaml --
resources: [secret.yaml]
-- shop/base/secret.yaml --
apiVersion: v1
kind: Secret
metadata: {name: login, namespace: shop}
stringData: {password: "", extra: plain}
-- shop/overlay/kustomization.yaml --
resources: [../base]
patches: [{path: secret.sops.yaml}]
-- shop/overlay/secret.sops.yaml --
apiVersion: v1
kind: Secret
metadata: {name: login, namespace: shop}
stringData:
  password: ENC[AES256_GCM,data:Tv6J,iv:U=,tag:+5==,type:str]
sops:
  mac: ENC[AES256_GCM,data:zY=,iv:f=,tag:H==,type:str]
  encrypted_regex: ^(data|stringData)$
  version: 3.13.3
`
	for decryption, wants := range map[string][]string{
		"  decryption: {provider: sops, secretRef: {name: sops-age}}\n": {`"extra":"plain"`, `"password":"ENC[AES256_GCM,data:Tv6J`, `"drover_merged":true`,
			`"decrypt":{"namespace":"flux-system","secret":"sops-age"}`},
		"": {"ERR shop/base/secret.yaml: Secret shop/login is encrypted with SOPS, and the app does not say that it is to be decrypted"},
	} {
		b := newScene(t, bootstrap+kustomization("shop", "  path: shop/overlay\n"+decryption)+files)
		got := b.summary(b.resolve("staging"))
		for _, want := range wants {
			if !strings.Contains(got, want) {
				t.Errorf("with %q:\n%s\nwant %s", decryption, got, want)
			}
		}
	}
}
