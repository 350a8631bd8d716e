package kustomize

import (
	"strings"
	"testing"

	"github.com/drover-dev/drover/hub/model"
)

// Values and metadata as SOPS writes them; nothing here decrypts.
const (
	encA      = "ENC[AES256_GCM,data:aaaa,iv:a,tag:a,type:str]"
	encB      = "ENC[AES256_GCM,data:bbbb,iv:b,tag:b,type:str]"
	ofPatch   = "sops: {mac: 'ENC[AES256_GCM,data:mac,iv:p,tag:p,type:str]', encrypted_regex: ^stringData$, version: 3.13.3}\n"
	ofBase    = "sops: {mac: 'ENC[AES256_GCM,data:other,iv:o,tag:o,type:str]', version: 3.13.3}\n"
	unsealed  = "apiVersion: v1\nkind: Secret\nmetadata: {name: login}\nstringData: {password: '', extra: plain}\n"
	encrypted = "apiVersion: v1\nkind: Secret\nmetadata: {name: login}\nstringData: {password: '" + encA + "'}\n" + ofPatch
)

// Flux decrypts patches before the build. Here they are merged as they are, where the agent can decrypt what comes of
// it; everywhere else the app stops with the patch's name.
func TestEncryptedPatchesAreMergedOrRefused(t *testing.T) {
	t.Parallel()
	overlay := "resources: [../base]\npatches:\n- {path: secret.sops.yaml}\n"
	for name, c := range map[string]struct {
		base, kustomization, patch string
		want, refused              string
	}{
		"over a plain object": {unsealed, overlay, encrypted, `"stringData":{"extra":"plain","password":"` + encA + `"}`, ""},
		"with a namespace":    {unsealed, "namespace: shop\n" + overlay, encrypted, `"namespace":"shop"`, ""},
		"with a plain patch":  {unsealed, overlay + "- {patch: '{apiVersion: v1, kind: Secret, metadata: {name: login}, stringData: {more: x}}'}\n", encrypted, `"more":"x"`, ""},
		"over an encrypted object": {strings.Replace(unsealed, "extra: plain", "user: '"+encB+"'", 1) + ofBase, overlay, encrypted, "",
			"the object that it changes has encrypted values of its own"},
		"without metadata": {unsealed, overlay, strings.Split(encrypted, "sops:")[0], "", "it has no metadata of SOPS to decrypt it by"},
		"by another patch, moved": {unsealed, overlay + "- {target: {kind: Secret}, patch: '[{\"op\": \"move\", \"from\": \"/stringData/password\", \"path\": \"/stringData/other\"}]'}\n", encrypted, "",
			"the object that it changes has encrypted values of its own"},
		"by another patch, without metadata": {unsealed, overlay + "- {target: {kind: Secret}, patch: '[{\"op\": \"remove\", \"path\": \"/sops\"}]'}\n", encrypted, "",
			"its values come into an object without the metadata of SOPS"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tree := tree("-- base/kustomization.yaml --\nresources: [secret.yaml]\n-- base/secret.yaml --\n" + c.base +
				"-- overlay/kustomization.yaml --\n" + c.kustomization + "-- overlay/secret.sops.yaml --\n" + c.patch)
			objects, err := New().Build(t.Context(), tree, "overlay", model.BuildOptions{})
			if c.refused != "" {
				if err == nil || !strings.HasPrefix(err.Error(), "overlay/secret.sops.yaml:1: the patch is encrypted with SOPS, and "+c.refused) {
					t.Errorf("%v; %s", err, objects)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got := string(objects[0].JSON); !strings.Contains(got, c.want) || !strings.Contains(got, `"drover_merged":true`) {
				t.Errorf("it gives %s", got)
			}
		})
	}
}
