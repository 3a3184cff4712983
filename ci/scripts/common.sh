# What the scripts beside this one share. They source it in the project's root, with `set -eu`.
# shellcheck shell=sh disable=SC2034

# Where they leave their files.
OUT=${CI_OUTPUT:-.local/ci}

# Plans are still called experimental; the stream of events has names that the one document lacks.
export PULUMI_EXPERIMENTAL=true PULUMI_ENABLE_STREAMING_JSON_PREVIEW=true

# Exit codes of Pulumi.
NO_SUCH_STACK=6
THERE_ARE_CHANGES=7

refuse() {
    echo "error: $*" >&2
    exit 1
}

# Refuse what is no stack of this project.
known() {
    case $1 in '' | *[!A-Za-z0-9_.-]*) refuse "'$1' is no name of a stack." ;; esac
    [ -f "stacks/Pulumi.$1.yaml" ] || refuse "There is no stack '$1', since stacks/Pulumi.$1.yaml is missing."
}

# Get ready what a run needs: `cli`, or `stack STACK`, which also makes the stack if it is new, as for tools.prepare.
ready() {
    [ -n "${PULUMI_BACKEND_URL:-}" ] ||
        refuse "PULUMI_BACKEND_URL is not set, and a pipeline's folder has no state: set it to your team's backend."
    exports=$(sh tools/python -m tools.prepare "$@") || exit 1
    eval "$exports"
    mkdir -p "$OUT"
}

# A stack's own passphrase, if there is one: PULUMI_CONFIG_PASSPHRASE_PROD for the stack prod.
own_passphrase() {
    own=PULUMI_CONFIG_PASSPHRASE_$(printf %s "$1" | tr 'a-z.-' 'A-Z__')
    eval "own=\${$own:-}"
    [ -z "$own" ] || export PULUMI_CONFIG_PASSPHRASE="$own"
}

# previewed STACK FILE OPTION...: have the JSON of a preview in the file, whatever comes of it; Pulumi's exit code.
# Reads the state and writes nothing to it. A stack that the state does not have yet is previewed as an empty one.
previewed() (
    stack=$1 json=$2
    shift 2
    own_passphrase "$stack"
    set -- pulumi preview --json --refresh --parallel "${OTC_FLOW_LOGS_READS:-512}" --non-interactive --stack "$stack" "$@"
    echo "stack $stack: previewing" >&2
    code=0
    "$@" >"$json" </dev/null || code=$?
    if [ "$code" = "$NO_SUCH_STACK" ]; then
        echo "stack $stack: not in the state yet, so this is what a new one would get" >&2
        empty=$(mktemp -d)
        trap 'rm -rf "$empty"' EXIT
        export OTC_FLOW_LOGS_STATE="$PULUMI_BACKEND_URL" PULUMI_BACKEND_URL="file://$empty?metadata=skip"
        pulumi stack init "$stack" --non-interactive >&2 </dev/null
        code=0
        "$@" >"$json" </dev/null || code=$?
    fi
    exit "$code"
)
