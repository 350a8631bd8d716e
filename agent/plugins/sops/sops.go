// Package sops is the plugin that decrypts objects with SOPS' own code, as Flux' kustomize-controller has it: an object
// that is encrypted as a whole, values of a Secret that a generator made of encrypted files, and a Secret that a
// generator made of an encrypted file of variables.
//
// The keys are age identities: whatever stands in the values of the Secret whose keys end in .agekey. Nothing else
// decrypts: no key of the machine's environment, no PGP, and no key management service of a cloud, so that nothing is
// asked of the network, whatever an object says.
//
// As in Flux the message authentication code is not checked by default: kustomize changes what stands around the values
// (a namespace, a label), and the code covers that too. Each value is authenticated by itself, together with the place
// where it stands. Where the Secret with the keys has verify-mac: "true", the code has to fit: so who owns the keys
// decides, and nobody in Git. Of an object that an encrypted patch was merged into (which the hub marks), plain values
// stay as they are. Files that a generator put into a Secret are as they were encrypted; the fields of an
// object come in the order of their names, without the object's own order.
package sops

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/getsops/sops/v3"
	"github.com/getsops/sops/v3/aes"
	"github.com/getsops/sops/v3/age"
	"github.com/getsops/sops/v3/cmd/sops/common"
	"github.com/getsops/sops/v3/cmd/sops/formats"
	"github.com/getsops/sops/v3/config"
	"github.com/getsops/sops/v3/keyservice"

	"github.com/drover-dev/drover/internal/version"
	"github.com/drover-dev/drover/protocol/plugin"
)

// keySuffix ends the keys of a Secret under which age identities stand, as in Flux.
const keySuffix = ".agekey"

// verifyKey is the key of that Secret that demands that the message authentication code fits.
const verifyKey = "verify-mac"

// Plugin implements plugin.Transformer.
type Plugin struct{}

// Describe implements plugin.Transformer.
func (Plugin) Describe(context.Context) (plugin.Description, error) {
	return plugin.Description{Name: "sops", Version: version.String()}, nil
}

// Transform decrypts an object.
func (Plugin) Transform(_ context.Context, r plugin.Request) (plugin.Response, error) {
	keys, err := identities(r.Secrets)
	if err != nil {
		return plugin.Response{}, err
	}
	var head struct {
		Kind string
		Sops json.RawMessage
		Data map[string]string
	}
	if err := json.Unmarshal(r.Object, &head); err != nil {
		return plugin.Response{}, errors.New("it is no object")
	}
	if bytes.HasPrefix(bytes.TrimSpace(head.Sops), []byte("{")) {
		var of struct {
			Merged bool `json:"drover_merged"`
		}
		keys.merged = json.Unmarshal(head.Sops, &of) == nil && of.Merged
		out, err := keys.decrypt(r.Object, formats.Json, formats.Json)
		return plugin.Response{Object: out}, err
	}
	if head.Kind != "Secret" {
		return plugin.Response{}, errors.New("it holds an encrypted value, and no metadata of SOPS: encrypt it again")
	}
	data, err := keys.values(head.Data)
	if err != nil {
		return plugin.Response{}, err
	}
	out, err := withData(r.Object, data)
	return plugin.Response{Object: out}, err
}

// withData replaces an object's data.
func withData(object []byte, data map[string]string) ([]byte, error) {
	var o map[string]json.RawMessage
	if err := json.Unmarshal(object, &o); err != nil {
		return nil, errors.New("it is no object")
	}
	raw, err := json.Marshal(data)
	if err != nil {
		return nil, err
	}
	o["data"] = raw
	return json.Marshal(o)
}

// keyring are the keys that there are. It serves them as SOPS' key service, in place of all that SOPS would ask
// otherwise.
type keyring struct {
	keyservice.KeyServiceServer // nil: nothing is encrypted here
	ids                         age.ParsedIdentities
	verify                      bool // the message authentication code, too
	// merged: an encrypted patch was merged into a plain object, which has plain values where there would be encrypted
	// ones otherwise.
	merged bool
}

// identities reads the keys of a Secret.
func identities(secrets map[string][]byte) (*keyring, error) {
	k := &keyring{}
	for _, name := range slices.Sorted(maps.Keys(secrets)) {
		if !strings.HasSuffix(name, keySuffix) {
			continue
		}
		if err := k.ids.Import(string(secrets[name])); err != nil {
			return nil, fmt.Errorf("the key %s of the Secret holds no age identity", name) // the error might quote it
		}
	}
	switch value := strings.TrimSpace(string(secrets[verifyKey])); value {
	case "", "false":
	case "true":
		k.verify = true
	default: // its author wants something
		return nil, fmt.Errorf("%s of the Secret with the keys is neither true nor false", verifyKey)
	}
	if len(k.ids) == 0 {
		return nil, fmt.Errorf("the Secret with the keys has none whose name ends in %s", keySuffix)
	}
	return k, nil
}

// Decrypt implements keyservice.KeyServiceServer.
func (k *keyring) Decrypt(_ context.Context, r *keyservice.DecryptRequest) (*keyservice.DecryptResponse, error) {
	of, ok := r.GetKey().GetKeyType().(*keyservice.Key_AgeKey)
	if !ok {
		return nil, errors.New("only age is supported")
	}
	key := age.MasterKey{Recipient: of.AgeKey.GetRecipient(), EncryptedKey: string(r.GetCiphertext())}
	k.ids.ApplyToMasterKey(&key)
	plain, err := key.Decrypt()
	if err != nil {
		return nil, err
	}
	return &keyservice.DecryptResponse{Plaintext: plain}, nil
}

// tree reads something encrypted, and decrypts its values. SOPS panics over what is made to have it do so.
func (k *keyring) tree(data []byte, in formats.Format) (_ sops.Tree, err error) {
	defer func() {
		if recover() != nil {
			err = errors.New("SOPS fails on it: encrypt it again")
		}
	}()
	t, err := common.StoreForFormat(in, config.NewStoresConfig()).LoadEncryptedFile(data)
	if err != nil {
		return t, errors.New("its metadata of SOPS cannot be read: encrypt it again")
	}
	services := []keyservice.KeyServiceClient{keyservice.NewCustomLocalClient(k)}
	key, err := t.Metadata.GetDataKeyWithKeyServices(services, sops.DefaultDecryptionOrder)
	if err != nil {
		return t, fmt.Errorf("none of the keys that there are fits: it is encrypted for %s; add the identity of one of "+
			"them to the Secret with the keys, or a recipient of yours to the file (sops updatekeys); only age is supported, "+
			"no PGP and no key management service", recipients(t.Metadata))
	}
	var cipher sops.Cipher = aes.NewCipher()
	if k.merged {
		cipher = mixed{cipher}
	}
	code, err := t.Decrypt(key, cipher)
	if err != nil { // the error might quote a value
		return t, errors.New("a value cannot be decrypted: it was changed, or moved to another place, after it was encrypted")
	}
	if !k.verify {
		return t, nil
	}
	want, err := cipher.Decrypt(t.Metadata.MessageAuthenticationCode, key, t.Metadata.LastModified.Format(time.RFC3339))
	if err != nil || want != code {
		return t, fmt.Errorf("its message authentication code does not fit, which %s of the Secret with the keys demands: "+
			"something was added, taken away, put back or reordered after it was encrypted. Encrypt whole objects with "+
			"mac_only_encrypted and sorted keys, or put encrypted files into Secrets with kustomize's secretGenerator",
			verifyKey)
	}
	return t, nil
}

// mixed decrypts what is encrypted, and leaves the rest.
type mixed struct{ sops.Cipher }

// Decrypt implements sops.Cipher.
func (m mixed) Decrypt(text string, key []byte, place string) (any, error) {
	if !strings.HasPrefix(text, "ENC[") {
		return text, nil
	}
	return m.Cipher.Decrypt(text, key, place)
}

// recipients names whom something is encrypted for.
func recipients(m sops.Metadata) string {
	var out []string
	for _, group := range m.KeyGroups {
		for _, key := range group {
			out = append(out, key.TypeToIdentifier()+" "+key.ToString())
		}
	}
	if len(out) == 0 {
		return "nobody"
	}
	return strings.Join(out, ", ")
}

// decrypt gives the plain text of something encrypted.
func (k *keyring) decrypt(data []byte, in, out formats.Format) (_ []byte, err error) {
	t, err := k.tree(data, in)
	if err != nil {
		return nil, err
	}
	defer func() {
		if recover() != nil {
			err = errors.New("what it decrypts to cannot be written in the format that its name says")
		}
	}()
	plain, err := common.StoreForFormat(out, config.NewStoresConfig()).EmitPlainFile(t.Branches)
	if err != nil {
		return nil, errors.New("what it decrypts to cannot be written in the format that its name says")
	}
	return plain, nil
}
