package kube

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/protocol"
)

// plain is where ConfigMaps and Secrets are served.
func plain(kind string) agent.Resource {
	if kind == "Secret" {
		return secrets
	}
	return agent.Resource{Version: "v1", Kind: "ConfigMap", Plural: "configmaps", Namespaced: true}
}

// Data implements agent.Reader.
func (c *Client) Data(ctx context.Context, ref protocol.VarsRef) (map[string]string, uint64, error) {
	var o struct {
		Metadata struct{ ResourceVersion string }
		Data     map[string]string
	}
	res := plain(ref.Kind)
	_, err := c.do(ctx, call{method: http.MethodGet, path: collectionPath(res, ref.Namespace) + "/" + ref.Name, accept: acceptJSON, secret: true}, &o)
	if err != nil {
		return nil, 0, err
	}
	if isSecret(res) {
		for k, v := range o.Data {
			text, err := base64.StdEncoding.DecodeString(v)
			if err != nil {
				return nil, 0, fmt.Errorf("data.%s is not base64", k)
			}
			o.Data[k] = string(text)
		}
	}
	return o.Data, parseVersion(o.Metadata.ResourceVersion), nil
}

// Versions implements agent.Watcher. It sees metadata alone.
func (c *Client) Versions(ctx context.Context, ref protocol.VarsRef, told func(version uint64)) {
	c.named(ctx, plain(ref.Kind), ref.Namespace, ref.Name, acceptMetaList+","+acceptJSON, acceptMetadata+","+acceptJSON, func(raw []byte) bool {
		var p partial
		if raw != nil && json.Unmarshal(raw, &p) != nil {
			return false // what cannot be read tells nothing
		}
		told(parseVersion(p.Metadata.ResourceVersion))
		return false
	})
}
