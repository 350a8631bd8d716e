// Package plugin is the contract between Drover and the plugins that users may write: programs by the name of
// drover-plugin-NAME that the plugin host (drover-plugins) starts when a bundle needs them, in the agent's pod, and
// that speak gRPC with it by hashicorp/go-plugin.
//
// A plugin in Go calls Serve. In another language it makes go-plugin's handshake (see Handshake), and serves the gRPC
// service drover.plugin.v1.Transformer with the methods Describe and Transform. Both take and give a
// google.protobuf.BytesValue, whose value is the JSON of the types of this package. Fields that are not known are
// ignored, so that either side may be older. Other kinds of plugins are other services: those that render folders
// beside the hub serve drover.plugin.v1.Renderer, see Renderer.
//
// What a plugin prints is thrown away: it may hold what must not be shown. What an error says is shown to people, so it
// must not.
package plugin

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"time"

	"github.com/hashicorp/go-hclog"
	goplugin "github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"
)

// Version is that of this contract. A plugin of another one is refused.
const Version = 1

// Prefix begins the file name of every plugin; its name follows.
const Prefix = "drover-plugin-"

// MaxMessage is the most that a message may have, in bytes: more than an API server takes, also when it is written as
// base64.
const MaxMessage = 8 << 20

// startTime is how long a plugin may take until it can be spoken with.
const startTime = 10 * time.Second

// Handshake keeps a plugin from being started by mistake, and one of another contract from being used.
var Handshake = goplugin.HandshakeConfig{ProtocolVersion: Version, MagicCookieKey: "DROVER_PLUGIN", MagicCookieValue: "transformer"}

// ErrEnded is what a Running gives whose process has ended, before the call or over it.
var ErrEnded = errors.New("the plugin ended")

// Description is what a plugin says of itself.
type Description struct {
	Name    string `json:"name"`    // as in its file name
	Version string `json:"version"` // its own, for people
}

// Request asks for one object to be transformed.
type Request struct {
	Object []byte `json:"object"` // JSON
	// Secrets is the data of the Secret that the app names for the plugin.
	Secrets map[string][]byte `json:"secrets,omitempty"`
}

// Response is the object as it is to be applied.
type Response struct {
	Object []byte `json:"object"` // JSON; of the same kind and name
}

// Transformer changes objects before they are applied. It is safe for concurrent use.
type Transformer interface {
	Describe(ctx context.Context) (Description, error)
	Transform(ctx context.Context, r Request) (Response, error)
}

// Serve is all that the main function of a plugin does. It returns when its parent ends it.
func Serve(t Transformer) {
	serve(Handshake, serviceName, &adapter{transformer: t}, MaxMessage)
}

// serve serves one service, with messages of at most so many bytes.
func serve(as goplugin.HandshakeConfig, name string, p goplugin.Plugin, most int) {
	goplugin.Serve(&goplugin.ServeConfig{
		HandshakeConfig: as,
		Plugins:         goplugin.PluginSet{name: p},
		Logger:          hclog.NewNullLogger(),
		GRPCServer: func(opts []grpc.ServerOption) *grpc.Server {
			return grpc.NewServer(append(opts, grpc.MaxRecvMsgSize(most), grpc.MaxSendMsgSize(most))...)
		},
	})
}

// Running is a plugin that was started.
type Running struct {
	Transformer
	client *goplugin.Client
}

// Start starts a plugin. An error says what is wrong with it.
func Start(cmd *exec.Cmd) (*Running, error) {
	t, client, err := start[Transformer](cmd, Handshake, serviceName, &adapter{}, MaxMessage)
	if err != nil {
		return nil, err
	}
	return &Running{t, client}, nil
}

// start starts a plugin that serves one service. After an error it has ended.
func start[Of any](cmd *exec.Cmd, as goplugin.HandshakeConfig, name string, p goplugin.Plugin, most int) (of Of,
	_ *goplugin.Client, err error) {
	client := goplugin.NewClient(&goplugin.ClientConfig{
		HandshakeConfig:  as,
		Plugins:          goplugin.PluginSet{name: p},
		Cmd:              cmd,
		AllowedProtocols: []goplugin.Protocol{goplugin.ProtocolGRPC},
		Logger:           hclog.NewNullLogger(),
		StartTimeout:     startTime,
		SkipHostEnv:      true,
		GRPCDialOptions: []grpc.DialOption{grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(most),
			grpc.MaxCallSendMsgSize(most))},
	})
	conn, err := client.Client()
	if err == nil {
		var raw any
		if raw, err = conn.Dispense(name); err == nil {
			var ok bool
			if of, ok = raw.(Of); !ok {
				err = fmt.Errorf("it serves %T", raw)
			}
		}
	}
	if err != nil {
		client.Kill()
		return of, nil, err
	}
	return of, client, nil
}

// Exited says whether the plugin's process has ended.
func (r *Running) Exited() bool { return r.client.Exited() }

// Stop ends the plugin.
func (r *Running) Stop() { r.client.Kill() }
