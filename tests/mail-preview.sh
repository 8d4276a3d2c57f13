#!/bin/sh
# Sample mails as files and as pictures: mail-preview.sh BUILD_FOLDER [OUT_FOLDER]
# Writes each sample of tests/contract/compose.c, compose-order.c and compose-zh.c as .eml, .txt, .html and, where Chromium is installed, as .png at 360
# and 700 px, light and dark. Look at them after every change of a template; pictures are not committed.
# Pick some with ONLY="daily first-look".
set -eu
build=${1:?usage: mail-preview.sh BUILD_FOLDER [OUT_FOLDER]}
out=${2:-$build/mail-preview}
mkdir -p "$out"
DW_PREVIEW_DIR=$out "$build/tests/contract-compose" >/dev/null
DW_PREVIEW_DIR=$out "$build/tests/contract-compose-order" >/dev/null
DW_PREVIEW_DIR=$out "$build/tests/contract-compose-zh" >/dev/null

# Python's email package reads every one of them, without a single defect.
python3 - "$out" <<'PY'
import email, email.policy, glob, sys
for path in sorted(glob.glob(sys.argv[1] + "/*.eml")):
    with open(path, "rb") as f:
        mail = email.message_from_bytes(f.read(), policy=email.policy.default)
    parts = [mail] + list(mail.walk())
    defects = [d for p in parts for d in p.defects]
    for name, value in mail.items():
        defects += getattr(value, "defects", [])
    if defects:
        sys.exit(f"{path}: {defects}")
    for kind in ("plain", "html"):
        body = mail.get_body((kind,))
        if body is not None:
            body.get_content()
print("python3 reads all of", sys.argv[1])
PY

chromium=$(command -v chromium || command -v chromium-browser || command -v google-chrome || true)
if [ -z "$chromium" ]; then
	echo "no Chromium: no pictures" >&2
	exit 0
fi
profile=$(mktemp -d)
trap 'rm -rf "$profile"' EXIT INT TERM

# shot FILE WIDTH SUFFIX [FLAG]: headless windows are never narrower than 500 px, so the width is an iframe's
shot() {
	cat > "$profile/frame.html" <<HTML
<!DOCTYPE html><meta name="color-scheme" content="light dark"><style>body{margin:0}iframe{border:0;width:$2px;height:${HEIGHT:-2600}px}</style>
<iframe src="file://$(realpath "$1")"></iframe>
HTML
	"$chromium" --headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking \
		--disable-component-update --disable-sync --allow-file-access-from-files --hide-scrollbars \
		--user-data-dir="$profile/data" ${4:-} --window-size="$2,${HEIGHT:-2600}" \
		--screenshot="${1%.html}-$2$3.png" "file://$profile/frame.html" >/dev/null 2>&1 ||
		{ echo "$1: no picture" >&2; return 1; }
}

for name in ${ONLY:-$(cd "$out" && for f in *.html; do echo "${f%.html}"; done)}; do
	for width in 360 700; do
		shot "$out/$name.html" "$width" ""
		shot "$out/$name.html" "$width" "-dark" --blink-settings=preferredColorScheme=0
	done
done
ls "$out"/*.png
