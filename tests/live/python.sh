# The Python package: its wheel in a clean environment, with a real daemon

python_package=$PWD/metaserve/ffi/python

python_missing() {
    missing cc gcc
    missing python3 python3
    python3 -c 'import ensurepip' 2>/dev/null || echo python3-venv
}

python_build() { cargo build -q --workspace --lib --bin metaserve-daemon; }

# Where the package comes to, with nothing else, and what makes and checks it.
python_environments() {
    python3 -m venv "$dir/clean" && python3 -m venv "$dir/tools" &&
        "$dir/tools/bin/pip" install -q --disable-pip-version-check \
            -r "$python_package/tools.txt" >>"$dir/python.log" 2>&1
}

# python_wheel OUT: the library of the tests, packed.
python_wheel() {
    PATH=$dir/tools/bin:$PATH metaserve/ffi/python/wheel.sh "$1" \
        --library "$built/libmetaserve_ffi.so" >>"$dir/python.log" 2>&1
}

# auditwheel looks at the library: the name of the file must say the same.
python_tag() {
    local shown tag
    shown=$("$dir/tools/bin/auditwheel" show "$dir"/wheel/*.whl) || return
    echo "$shown" >>"$dir/python.log"
    tag=$(echo "$shown" | tr '\n' ' ' | sed -n 's/.*following platform tag: *"\([^"]*\)".*/\1/p')
    [ -n "$tag" ] && [[ $(basename "$dir"/wheel/*.whl) == *-py3-none-*"$tag"*.whl ]]
}

python_same() { python_wheel "$dir/again" && cmp "$dir"/wheel/*.whl "$dir"/again/*.whl; }

python_files() {
    local files
    files=$(python3 -m zipfile --list "$(echo "$dir"/wheel/*.whl)") || return
    for file in LICENSE-APACHE LICENSE-MIT py.typed libmetaserve.so.1 METADATA; do
        [[ $files == *$file* ]] || return
    done
}

# python_clean COMMAND...: with the installed package, and no compiler of Rust.
python_clean() {
    env -i PATH="$dir/clean/bin:/usr/bin:/bin" DAEMON="$PWD/$built/metaserve-daemon" \
        PYTHONDONTWRITEBYTECODE=1 "$@" >>"$dir/python.log" 2>&1
}

# By the rules of the oldest Python that the package promises, and of the one that runs it here.
python_types() {
    local version
    for version in 3.9 3.11; do
        python_clean "$dir/tools/bin/mypy" --strict --python-executable "$dir/clean/bin/python" \
            --python-version "$version" --cache-dir "$dir/mypy" \
            "$python_package/src" "$python_package/tests" examples/python/bot.py || return
    done
}

# python_test MODULE
python_test() {
    python_clean python -W error -m unittest discover -v \
        -t "$python_package" -s "$python_package/tests" -p "$1.py"
}

python_run() {
    local module
    check "environments for the package and for its tools" python_environments
    check "the wheel is built" python_wheel "$dir/wheel"
    check "its platform tag is true" python_tag
    check "the same library makes the same wheel" python_same
    check "the wheel has the library, its types and its licences" python_files
    check "it installs where nothing else is" \
        python_clean pip install --no-index "$(echo "$dir"/wheel/*.whl)"
    check "its types are right, and those of programs that use it" python_types
    for module in "$python_package"/tests/test_*.py; do
        module=$(basename "$module" .py)
        check "tests of the package: ${module//_/ }" python_test "$module"
    done
}
