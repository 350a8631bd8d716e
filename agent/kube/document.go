package kube

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/protocol"
)

const (
	// LabelState is on every Secret that holds state; its value says of what.
	LabelState = "drover.dev/state"
	// maxPart is the most of a document that one Secret holds; etcd takes 1.5 MiB, of which base64 takes a third.
	maxPart = 700 << 10

	dataKey       = "state"
	annotationSum = "drover.dev/checksum"   // of the whole document
	annotationCut = "drover.dev/parts"      // how many parts follow in Secrets of their own
	annotationGen = "drover.dev/generation" // for people who look
)

// secret is a Secret as it is written and read.
type secret struct {
	APIVersion string            `json:"apiVersion"`
	Kind       string            `json:"kind"`
	Type       string            `json:"type,omitempty"`
	Metadata   secretMeta        `json:"metadata"`
	Data       map[string][]byte `json:"data,omitempty"`
}

type secretMeta struct {
	Name            string            `json:"name"`
	Namespace       string            `json:"namespace,omitempty"`
	ResourceVersion string            `json:"resourceVersion,omitempty"`
	Labels          map[string]string `json:"labels,omitempty"`
	Annotations     map[string]string `json:"annotations,omitempty"`
}

var secrets = agent.Resource{Version: "v1", Kind: "Secret", Plural: "secrets", Namespaced: true}

// document is a piece of state under a name. What does not fit into the Secret of that name is cut in parts that
// are written first, under names that carry the checksum of the whole: a half-written document is never mistaken
// for a whole one, and the old one stays whole until the new one is.
type document struct {
	name, label string
	generation  uint64
	data        []byte
}

// documents reads and writes documents in one namespace.
type documents struct {
	client    *Client
	namespace string
}

// partName names a part. The dots keep it apart from every head, because app names have none.
func partName(head, sum string, n int) string {
	return head + "." + sum[:12] + "." + strconv.Itoa(n)
}

func checksum(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// save writes d, replacing what had the version after, or nothing if that is "". It returns the new version
// and the names of the parts.
func (ds documents) save(ctx context.Context, d document, after string) (version string, parts []string, err error) {
	sum := checksum(d.data)
	head := d.data[:min(len(d.data), maxPart)]
	rest := slices.Collect(slices.Chunk(d.data[len(head):], maxPart))
	for i, part := range rest {
		name := partName(d.name, sum, i+1)
		if err := ds.savePart(ctx, d, name, part); err != nil {
			return "", nil, err
		}
		parts = append(parts, name)
	}
	s := ds.secret(d, d.name, head)
	s.Metadata.ResourceVersion = after
	s.Metadata.Annotations = map[string]string{annotationSum: sum, annotationCut: strconv.Itoa(len(rest)), annotationGen: strconv.FormatUint(d.generation, 10)}
	version, err = ds.put(ctx, s)
	return version, parts, err
}

func (ds documents) secret(d document, name string, data []byte) secret {
	return secret{APIVersion: "v1", Kind: "Secret", Type: "drover.dev/state", Data: map[string][]byte{dataKey: data},
		Metadata: secretMeta{Name: name, Namespace: ds.namespace, Labels: map[string]string{LabelState: d.label}}}
}

// savePart writes a part; one that is there already has this very content, for its name says so.
func (ds documents) savePart(ctx context.Context, d document, name string, data []byte) error {
	_, err := ds.put(ctx, ds.secret(d, name, data))
	if errors.Is(err, agent.ErrLost) {
		return nil
	}
	return err
}

// put creates s or, if it names a version, replaces that. Whoever finds another version there gets ErrLost, unless
// it is what was to be written: then an earlier try had arrived, and only its answer was lost.
func (ds documents) put(ctx context.Context, s secret) (version string, err error) {
	body, err := json.Marshal(s)
	if err != nil {
		return "", err
	}
	k := call{method: http.MethodPost, path: collectionPath(secrets, ds.namespace), accept: acceptMetadata, contentType: acceptJSON, body: body, secret: true}
	if s.Metadata.ResourceVersion != "" {
		k.method, k.path = http.MethodPut, k.path+"/"+s.Metadata.Name
	}
	var p partial
	_, err = ds.client.do(ctx, k, &p)
	switch agent.ReasonOf(err) {
	case agent.ReasonConflict:
		return ds.settle(ctx, s)
	case agent.ReasonMissing: // somebody deleted it: what is in memory is newer than nothing
		s.Metadata.ResourceVersion = ""
		return ds.put(ctx, s)
	}
	if err != nil {
		return "", fmt.Errorf("write Secret %s/%s: %w", ds.namespace, s.Metadata.Name, err)
	}
	return p.Metadata.ResourceVersion, nil
}

func (ds documents) settle(ctx context.Context, s secret) (version string, err error) {
	there, err := ds.get(ctx, s.Metadata.Name)
	if err != nil {
		return "", err
	}
	want := s.Metadata.Annotations[annotationSum]
	if want != "" && there.Metadata.Annotations[annotationSum] == want {
		return there.Metadata.ResourceVersion, nil
	}
	return "", fmt.Errorf("write Secret %s/%s: %w", ds.namespace, s.Metadata.Name, agent.ErrLost)
}

func (ds documents) get(ctx context.Context, name string) (secret, error) {
	var s secret
	_, err := ds.client.do(ctx, call{method: http.MethodGet, path: collectionPath(secrets, ds.namespace) + "/" + name, accept: acceptJSON, secret: true}, &s)
	if err != nil {
		return s, fmt.Errorf("read Secret %s/%s: %w", ds.namespace, name, err)
	}
	return s, nil
}

// drop deletes a Secret; that it is gone already is as good.
func (ds documents) drop(ctx context.Context, name, version string) error {
	body := []byte(nil)
	if version != "" {
		body = []byte(`{"apiVersion":"v1","kind":"DeleteOptions","preconditions":{"resourceVersion":"` + version + `"}}`)
	}
	_, err := ds.client.do(ctx, call{method: http.MethodDelete, path: collectionPath(secrets, ds.namespace) + "/" + name,
		accept: acceptMetadata + "," + acceptJSON, contentType: acceptJSON, body: body, secret: true}, nil)
	switch agent.ReasonOf(err) {
	case agent.ReasonMissing:
		return nil
	case agent.ReasonConflict:
		return fmt.Errorf("delete Secret %s/%s: %w", ds.namespace, name, agent.ErrLost)
	}
	if err != nil {
		return fmt.Errorf("delete Secret %s/%s: %w", ds.namespace, name, err)
	}
	return nil
}

// list reads all Secrets that hold state, by name.
func (ds documents) list(ctx context.Context) (map[string]secret, error) {
	all := make(map[string]secret)
	query := url.Values{"labelSelector": {LabelState}, "limit": {"50"}}
	for {
		meta, err := ds.listPage(ctx, query, all)
		if err != nil {
			return nil, fmt.Errorf("list the state in namespace %s: %w", ds.namespace, err)
		}
		if meta.Continue == "" {
			return all, nil
		}
		query.Set("continue", meta.Continue)
	}
}

func (ds documents) listPage(ctx context.Context, query url.Values, into map[string]secret) (listMeta, error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	resp, err := ds.client.open(ctx, call{method: http.MethodGet, path: collectionPath(secrets, ds.namespace), query: query, accept: acceptJSON, secret: true})
	if err != nil {
		return listMeta{}, err
	}
	defer drain(resp.Body)
	return decodeList(resp.Body, func(raw json.RawMessage) error {
		var s secret
		if err := json.Unmarshal(raw, &s); err != nil {
			return errors.New("a Secret of the list cannot be read") // the error of json might quote it
		}
		into[s.Metadata.Name] = s
		return nil
	})
}

// join puts a document together from its head and parts.
func join(head secret, all map[string]secret) (data []byte, parts []string, err error) {
	sum := head.Metadata.Annotations[annotationSum]
	n, err := strconv.Atoi(head.Metadata.Annotations[annotationCut])
	if err != nil || len(sum) != 2*sha256.Size || n < 0 || n > protocol.MaxBlob/maxPart+2 {
		return nil, nil, fmt.Errorf("its Secret %s does not say how many parts it has", head.Metadata.Name)
	}
	data = append(data, head.Data[dataKey]...)
	for i := 1; i <= n; i++ {
		name := partName(head.Metadata.Name, sum, i)
		part, ok := all[name]
		if !ok {
			return nil, nil, fmt.Errorf("its Secret %s is not there", name)
		}
		data, parts = append(data, part.Data[dataKey]...), append(parts, name)
	}
	if checksum(data) != sum {
		return nil, nil, fmt.Errorf("its Secret %s was altered: its checksum does not fit", head.Metadata.Name)
	}
	return data, parts, nil
}

// isPart says whether a Secret's name is that of a part.
func isPart(name string) bool { return strings.Contains(name, ".") }
