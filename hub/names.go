package hub

import (
	"github.com/drover-dev/drover/hub/fetch"
	"github.com/drover-dev/drover/hub/memtree"
	"github.com/drover-dev/drover/hub/model"
	"github.com/drover-dev/drover/hub/resolve"
)

// Names that adapters still use, until they name the packages that have them.
type (
	Revision       = model.Revision
	Tree           = model.Tree
	Entry          = model.Entry
	View           = model.View
	Snapshot       = model.Snapshot
	Source         = model.Source
	Rendered       = model.Rendered
	Renderer       = model.Renderer
	BuildOptions   = model.BuildOptions
	Capabilities   = model.Capabilities
	Charts         = model.Charts
	TransientError = model.TransientError
	Layout         = model.Layout
	Folders        = model.Folders
	FleetApps      = model.FleetApps
	Planner        = model.Planner
	Folder         = model.Folder
	Sorted         = model.Sorted
	Declarations   = model.Declarations
	Declaration    = model.Declaration
	Templated      = model.Templated
	Templates      = model.Templates
	Ignore         = model.Ignore
	Packed         = model.Packed
	MemoryFile     = memtree.File
	Remote         = fetch.Remote
	Opener         = fetch.Opener
	Follower       = fetch.Follower
	Once           = fetch.Once
	SourceState    = fetch.SourceState
	Resolver       = resolve.Resolver
	Resolution     = resolve.Resolution
	AppResult      = resolve.AppResult
	Config         = resolve.Config
	Request        = resolve.Request
	Facts          = resolve.Facts
	Fleet          = resolve.Fleet
	Sources        = resolve.Sources
	Memos          = resolve.Memos
	Render         = resolve.Render
	Volatile       = resolve.Volatile
	Substitute     = resolve.Substitute
)

// Functions of the same.
var (
	NormalizeName = model.NormalizeName
	Pack          = model.Pack
	Unpack        = model.Unpack
	Claimed       = model.Claimed
	RendersAtOnce = model.RendersAtOnce
	MemoryView    = memtree.New
	ArchiveView   = memtree.Unpack
	NewResolver   = resolve.New
	NewFollower   = fetch.NewFollower
	NewOnce       = fetch.NewOnce
)
