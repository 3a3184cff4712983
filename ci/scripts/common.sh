# What the scripts in this folder share. They source it in the project's root, with `set -eu`.
# shellcheck shell=sh disable=SC2034

# --help: the comment at the beginning of the script.
case " $* " in *' --help '* | *' -h '*)
    sed -n '2,/^[^#]/ { s/^# \{0,1\}//p; }' "ci/scripts/${0##*/}"
    exit
    ;;
esac

# The folder of their files.
OUT=${CI_OUTPUT:-.local/ci}

# The folder of the stack files, with a slash: empty for the project's root.
STACKS=$(sh tools/python -m stacks.stackfile.location)

# Plans are still experimental; the stream of events has the names of new flow logs, which the single document lacks.
export PULUMI_EXPERIMENTAL=true PULUMI_ENABLE_STREAMING_JSON_PREVIEW=true

# Exit codes of Pulumi.
NO_SUCH_STACK=6
THERE_ARE_CHANGES=7

refuse() {
    echo "error: $*" >&2
    exit 1
}

# check_stack STACK: refuse a name without a stack file.
check_stack() {
    case $1 in '' | *[!A-Za-z0-9_.-]*) refuse "'$1' is not a valid stack name." ;; esac
    [ -f "${STACKS}Pulumi.$1.yaml" ] || refuse "Stack '$1' does not exist: ${STACKS}Pulumi.$1.yaml is missing."
}

# prepare cli | prepare stack STACK: prepare what a run needs; the latter also creates the stack if it is new.
prepare() {
    [ -n "${PULUMI_BACKEND_URL:-}" ] ||
        refuse "PULUMI_BACKEND_URL is not set, and a pipeline's checkout has no state: set it to your team's backend."
    exports=$(sh tools/python -m tools.prepare "$@") || exit 1
    eval "$exports"
    mkdir -p "$OUT"
}

# own_passphrase STACK: use the stack's own passphrase, if set: PULUMI_CONFIG_PASSPHRASE_PROD for the stack prod.
own_passphrase() {
    own=PULUMI_CONFIG_PASSPHRASE_$(printf %s "$1" | tr 'a-z.-' 'A-Z__')
    eval "own=\${$own:-}"
    [ -z "$own" ] || export PULUMI_CONFIG_PASSPHRASE="$own"
}

# preview_stack STACK FILE OPTION...: write the JSON of a preview to the file, also of one that fails; returns Pulumi's
# exit code. Does not change the state. A stack that is not in the state yet is previewed as an empty one.
preview_stack() (
    stack=$1 json=$2
    shift 2
    own_passphrase "$stack"
    set -- pulumi preview --json --refresh --parallel "${OTC_FLOW_LOGS_READS:-512}" --non-interactive --stack "$stack" "$@"
    echo "stack $stack: previewing" >&2
    code=0
    "$@" >"$json" </dev/null || code=$?
    if [ "$code" = "$NO_SUCH_STACK" ]; then
        echo "stack $stack: not in the state yet, which is no error; previewing it as a new stack" >&2
        empty=$(mktemp -d) file=${STACKS}Pulumi.$stack.yaml
        # A service encrypts secrets itself. In its place, a passphrase is needed, and noted in the stack file.
        cp "$file" "$empty/file"
        trap 'cp "$empty/file" "$file"; rm -rf "$empty"' EXIT
        [ -n "${PULUMI_CONFIG_PASSPHRASE_FILE:-}" ] || export PULUMI_CONFIG_PASSPHRASE="${PULUMI_CONFIG_PASSPHRASE-of-no-secret}"
        export OTC_FLOW_LOGS_STATE="$PULUMI_BACKEND_URL" PULUMI_BACKEND_URL="file://$empty?metadata=skip"
        # Its "Created stack" would mislead: the stack is in the empty state only.
        created=$(pulumi stack init "$stack" --non-interactive 2>&1 </dev/null) || refuse "$created"
        code=0
        "$@" >"$json" </dev/null || code=$?
    fi
    exit "$code"
)

# delivery_of_stack STACK FILE: write what should deliver and does not; returns the exit code of `stacks.delivery`. The
# file stays empty if that is unknown.
delivery_of_stack() (
    own_passphrase "$1"
    echo "stack $1: asking its log streams for records" >&2
    python -m stacks.delivery --stack "$1" --markdown >"$2" </dev/null
)
