package epp

import "quorate/fsm/registry"

// The result codes that each command can be answered with: docs/EPP_RESULTS.md is made of this table (TestResultsAreDocumented),
// each pair is produced by a test, and no test produces a pair that isn't here (checkResults).

// sharedResults are those of every command on an object: not valid by the schema, sent before login, with an extension that isn't in
// force or doesn't go with it, of an object service that the login didn't name, and while the registry can't be reached.
var sharedResults = []registry.Code{
	registry.CommandSyntax, registry.CommandUse, registry.UnimplementedExtension, registry.UnimplementedObject, registry.CommandFailed,
}

// endingResults are those that any command but logout can meet, and that end the session: more commands than may
// be, and a registrar that was suspended, or lost its certificate or network.
var endingResults = []registry.Code{registry.CommandFailedClosing, registry.AuthenticationClosing}

// results are each command's own, by its label.
var results = map[string][]registry.Code{
	"login":  {1000, 2001, 2002, 2100, 2102, 2103, 2200, 2306, 2307, 2400, 2501, 2502},
	"logout": {1500, 2001, 2002, 2103},
	"poll":   {1000, 1300, 1301, 2001, 2002, 2003, 2103, 2303, 2400},

	"domain:check":            {1000, 2306},
	"domain:create":           {1000, 2003, 2004, 2005, 2102, 2104, 2202, 2302, 2303, 2305, 2306},
	"domain:delete":           {1000, 1001, 2005, 2201, 2303, 2304, 2305},
	"domain:info":             {1000, 2005, 2102, 2202, 2303, 2306},
	"domain:renew":            {1000, 2004, 2005, 2104, 2105, 2201, 2303, 2304, 2306},
	"domain:transfer-approve": {1000, 2005, 2102, 2201, 2202, 2301, 2303, 2306},
	"domain:transfer-cancel":  {1000, 2005, 2102, 2201, 2202, 2301, 2303, 2306},
	"domain:transfer-query":   {1000, 2005, 2102, 2201, 2202, 2301, 2303, 2306},
	"domain:transfer-reject":  {1000, 2005, 2102, 2201, 2202, 2301, 2303, 2306},
	"domain:transfer-request": {1000, 1001, 2003, 2004, 2005, 2102, 2104, 2106, 2202, 2300, 2303, 2304, 2306},
	"domain:update":           {1000, 2003, 2004, 2005, 2102, 2201, 2202, 2303, 2304, 2305, 2306},

	"contact:check":            {1000, 2306},
	"contact:create":           {1000, 2004, 2005, 2102, 2202, 2302, 2306},
	"contact:delete":           {1000, 2201, 2303, 2304, 2305},
	"contact:info":             {1000, 2102, 2201, 2202, 2303, 2306},
	"contact:transfer-approve": {1000, 2102, 2201, 2202, 2301, 2303, 2306},
	"contact:transfer-cancel":  {1000, 2102, 2201, 2202, 2301, 2303, 2306},
	"contact:transfer-query":   {1000, 2102, 2201, 2202, 2301, 2303, 2306},
	"contact:transfer-reject":  {1000, 2102, 2201, 2202, 2301, 2303, 2306},
	"contact:transfer-request": {1001, 2003, 2102, 2106, 2202, 2300, 2303, 2304, 2306},
	"contact:update":           {1000, 2003, 2004, 2005, 2102, 2201, 2202, 2303, 2304, 2306},

	"host:check":  {1000, 2306},
	"host:create": {1000, 2003, 2005, 2201, 2302, 2303, 2304, 2306},
	"host:delete": {1000, 2005, 2201, 2303, 2304, 2305},
	"host:info":   {1000, 2005, 2303},
	"host:update": {1000, 2003, 2005, 2201, 2302, 2303, 2304, 2305, 2306},
}
