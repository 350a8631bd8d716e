// Package prometheus asks Prometheus, or what answers as it does (Thanos, Mimir, VictoriaMetrics), for the values that
// gates of rollouts judge.
//
// It may import fleet, internal/outbound and the standard library.
package prometheus

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/drover-dev/drover/fleet/rollout"
	"github.com/drover-dev/drover/internal/outbound"
)

const (
	askTime   = 30 * time.Second // for one answer
	maxAnswer = 4 << 20          // bytes of one
	maxValues = 10_000           // of one
)

// Login is what a server asks for.
type Login struct {
	Username, Password, Token string
	CA                        string // PEM; authorities beside those of the system
	Certificate, Key          string // PEM of the client's own; none, if empty
}

// Asker asks. It is safe for concurrent use.
type Asker struct {
	// Login gives the credential of a name for an address; the zero Login if name is "" and there is none.
	Login func(ctx context.Context, address, name string) (Login, error)
	// Local lets servers be at addresses of this machine and of its link; Allowed are single exceptions.
	Local   bool
	Allowed []outbound.Allowed
}

// Ask asks a query for now (POST /api/v1/query of the HTTP API), and gives the values of its answer in their order. No
// values are no data. An error says why there is no answer.
func (a *Asker) Ask(ctx context.Context, g rollout.Gate, query string) ([]float64, error) {
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	if !a.Local {
		ctx = outbound.Restrict(ctx, a.Allowed...)
	}
	to, err := url.Parse(g.Address)
	if err != nil || to.Scheme != "http" && to.Scheme != "https" || to.Host == "" {
		return nil, fmt.Errorf("the address %.200q is no http or https URL", g.Address)
	}
	if to.User != nil {
		return nil, errors.New("the address has a password in it: name a credential of the hub instead")
	}
	login, err := a.Login(ctx, g.Address, g.Credential)
	if err != nil {
		return nil, err
	}
	transport, err := outbound.Transport(10*time.Second, []byte(login.CA), []byte(login.Certificate), []byte(login.Key))
	if err != nil {
		return nil, err
	}
	defer transport.CloseIdleConnections()
	form := url.Values{"query": {query}}.Encode()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, to.JoinPath("api/v1/query").String(),
		strings.NewReader(form))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	switch {
	case login.Token != "":
		req.Header.Set("Authorization", "Bearer "+login.Token)
	case login.Username != "" || login.Password != "":
		req.SetBasicAuth(login.Username, login.Password)
	}
	resp, err := transport.RoundTrip(req) // follows no redirect: the login is for this address
	if err != nil {
		return nil, fmt.Errorf("ask %s: %w", to.Redacted(), err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	if err != nil {
		return nil, fmt.Errorf("ask %s: %w", to.Redacted(), err)
	}
	if len(data) > maxAnswer {
		return nil, fmt.Errorf("ask %s: the answer has more than %d MiB", to.Redacted(), maxAnswer>>20)
	}
	values, err := read(data)
	if err != nil {
		return nil, fmt.Errorf("ask %s: %s: %w", to.Redacted(), resp.Status, err)
	}
	return values, nil
}

// answer is what the HTTP API gives: https://prometheus.io/docs/prometheus/latest/querying/api/
type answer struct {
	Status string
	Error  string
	Data   struct {
		ResultType string
		Result     json.RawMessage
	}
}

// read takes the values of an answer: of a vector, or of a scalar.
func read(data []byte) ([]float64, error) {
	var a answer
	if err := json.Unmarshal(data, &a); err != nil {
		return nil, fmt.Errorf("this is no answer of Prometheus: %.100s", bytes.ReplaceAll(data, []byte("\n"), []byte(" ")))
	}
	if a.Status != "success" {
		return nil, fmt.Errorf("it says: %.500s", a.Error)
	}
	var samples []sample
	var err error
	switch a.Data.ResultType {
	case "vector":
		var vector []struct{ Value sample }
		err = json.Unmarshal(a.Data.Result, &vector)
		for _, v := range vector {
			samples = append(samples, v.Value)
		}
	case "scalar":
		samples = make([]sample, 1)
		err = json.Unmarshal(a.Data.Result, &samples[0])
	default:
		return nil, fmt.Errorf("the query gives a %.20s: a gate needs an instant vector or a scalar", a.Data.ResultType)
	}
	if err != nil || len(samples) > maxValues {
		return nil, fmt.Errorf("the answer cannot be read, or has more than %d values: %w", maxValues, err)
	}
	out := make([]float64, len(samples))
	for i, s := range samples {
		out[i] = s.value
	}
	return out, nil
}

// sample is [time, "value"].
type sample struct{ value float64 }

// UnmarshalJSON implements json.Unmarshaler.
func (s *sample) UnmarshalJSON(data []byte) (err error) {
	var at float64
	var text string
	if err := json.Unmarshal(data, &[]any{&at, &text}); err != nil {
		return err
	}
	s.value, err = strconv.ParseFloat(text, 64)
	return err
}
