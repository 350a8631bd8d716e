package plugin

import (
	"context"
	"os/exec"

	goplugin "github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"
)

// RendererHandshake is the Handshake of plugins that are a Renderer.
var RendererHandshake = goplugin.HandshakeConfig{ProtocolVersion: Version, MagicCookieKey: "DROVER_PLUGIN",
	MagicCookieValue: "renderer"}

// MaxManifests is the most that a Renderer may give for one folder, in bytes. What is beyond it stops the app.
const MaxManifests = 32 << 20

// maxRendering is the most that a message of a Renderer may have, in bytes: manifests as base64, and what is around
// them.
const maxRendering = 48 << 20

// rendererService is the name of the gRPC service of a Renderer.
const rendererService = "drover.plugin.v1.Renderer"

// RenderRequest asks for the manifests of one folder.
type RenderRequest struct {
	// Config is what the operator configured for the plugin, as JSON: the spec of a ConfigManagementPlugin of Argo CD. It
	// never comes from a repository.
	Config []byte `json:"config,omitempty"`
	// Tree is a folder with a copy of the files of the source, made for this request alone. It cannot be written to unless
	// the operator allows it, and is gone after the request. Files that the plugin needs to write go into its $TMPDIR.
	Tree string `json:"tree"`
	Path string `json:"path"` // of the folder to render, seen from Tree; "." for Tree itself
	// Env is what is told of the app, as NAME=value, by the names that Argo CD documents: ARGOCD_APP_NAME, ARGOCD_ENV_*,
	// ARGOCD_APP_PARAMETERS, PARAM_*, KUBE_VERSION and the like. It is not in the environment of the plugin itself.
	Env []string `json:"env,omitempty"`
}

// RenderResponse is what became of a folder.
type RenderResponse struct {
	Manifests []byte `json:"manifests,omitempty"` // a stream of YAML documents, or of JSON objects
}

// DiscoverResponse says whether a folder is one for the plugin.
type DiscoverResponse struct {
	Supported bool `json:"supported"`
}

// Renderer makes manifests of folders. Its process is started for one request, beside the hub, with bounded memory and
// time; what it leaves running is ended with it. What it gives is remembered: it should depend on the request alone.
//
// An error is shown to people, in at most 4,000 bytes, so it must hold nothing secret.
type Renderer interface {
	Describe(ctx context.Context) (Description, error)
	// Discover says whether the folder is one for the plugin, where an app does not say how it is rendered and the
	// operator configured discover.find.command.
	Discover(ctx context.Context, r RenderRequest) (DiscoverResponse, error)
	Render(ctx context.Context, r RenderRequest) (RenderResponse, error)
}

// ServeRenderer is all that the main function of a plugin does that is a Renderer. It returns when its parent ends it.
func ServeRenderer(r Renderer) {
	serve(RendererHandshake, rendererService, &rendererAdapter{renderer: r}, maxRendering)
}

// RunningRenderer is a Renderer that was started.
type RunningRenderer struct {
	Renderer
	client *goplugin.Client
}

// StartRenderer starts a plugin that is a Renderer. An error says what is wrong with it.
func StartRenderer(cmd *exec.Cmd) (*RunningRenderer, error) {
	r, client, err := start[Renderer](cmd, RendererHandshake, rendererService, &rendererAdapter{}, maxRendering)
	if err != nil {
		return nil, err
	}
	return &RunningRenderer{r, client}, nil
}

// Stop ends the plugin.
func (r *RunningRenderer) Stop() { r.client.Kill() }

// rendererDesc describes the gRPC service, as service does that of a Transformer.
var rendererDesc = grpc.ServiceDesc{
	ServiceName: rendererService,
	HandlerType: (*Renderer)(nil),
	Methods: []grpc.MethodDesc{
		method(rendererService, "Describe", func(ctx context.Context, r Renderer, _ struct{}) (Description, error) {
			return r.Describe(ctx)
		}),
		method(rendererService, "Discover", func(ctx context.Context, r Renderer, in RenderRequest) (DiscoverResponse,
			error) {
			return r.Discover(ctx, in)
		}),
		method(rendererService, "Render", func(ctx context.Context, r Renderer, in RenderRequest) (RenderResponse, error) {
			return r.Render(ctx, in)
		}),
	},
}

// remoteRenderer is a Renderer in another process.
type remoteRenderer struct{ conn *grpc.ClientConn }

// Describe implements Renderer.
func (c remoteRenderer) Describe(ctx context.Context) (Description, error) {
	return invoke[Description](ctx, c.conn, rendererService, "Describe", struct{}{})
}

// Discover implements Renderer.
func (c remoteRenderer) Discover(ctx context.Context, r RenderRequest) (DiscoverResponse, error) {
	return invoke[DiscoverResponse](ctx, c.conn, rendererService, "Discover", r)
}

// Render implements Renderer.
func (c remoteRenderer) Render(ctx context.Context, r RenderRequest) (RenderResponse, error) {
	return invoke[RenderResponse](ctx, c.conn, rendererService, "Render", r)
}

// rendererAdapter is what go-plugin wants of both sides.
type rendererAdapter struct {
	goplugin.NetRPCUnsupportedPlugin
	renderer Renderer // of the plugin's side
}

// GRPCServer implements goplugin.GRPCPlugin.
func (a *rendererAdapter) GRPCServer(_ *goplugin.GRPCBroker, s *grpc.Server) error {
	s.RegisterService(&rendererDesc, a.renderer)
	return nil
}

// GRPCClient implements goplugin.GRPCPlugin.
func (a *rendererAdapter) GRPCClient(_ context.Context, _ *goplugin.GRPCBroker, conn *grpc.ClientConn) (any, error) {
	return remoteRenderer{conn}, nil
}
