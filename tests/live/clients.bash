# What the parts with clients that have a window have in common: a screen in memory, and keys for
# it; sourced by them. `"${enter[@]}"` runs a command in their network, `"${user[@]}"` as the user
# of the games.

clients_missing() {
    missing Xvfb xvfb
    missing xdotool xdotool
    # OpenGL without a graphics card.
    [ -e /usr/lib/x86_64-linux-gnu/dri/swrast_dri.so ] || echo libgl1-mesa-dri
    # PICTURES=DIRECTORY keeps what the screens show at the checks that call `picture`.
    [ -z "${PICTURES:-}" ] || missing import imagemagick
}

# start_screen SIZE: as $display.
start_screen() {
    mkfifo "$dir/display"
    exec 5<>"$dir/display"
    start xvfb "${enter[@]}" "${user[@]}" Xvfb -displayfd 5 -screen 0 "$1x24" -nolisten tcp -ac
    read -r -t 60 -u 5 display
    display=:$display
    on_screen=(env DISPLAY="$display" LIBGL_ALWAYS_SOFTWARE=1 SDL_AUDIODRIVER=dummy)
}

# hands ARGUMENT...: lets xdotool do this on the screen.
hands() { "${enter[@]}" env DISPLAY="$display" xdotool "$@"; }

# keys KEY...: presses these in the client's window, slowly enough for its menus.
keys() { hands key --delay 300 "$@"; }

# types TEXT: does that in the client's window.
types() { hands type --delay 50 "$1"; }

# clicks X Y: does that on the screen.
clicks() { hands mousemove "$1" "$2" sleep 0.3 click 1 sleep 0.3; }

# picture NAME: keeps what the screen shows.
picture() {
    [ -z "${PICTURES:-}" ] ||
        "${enter[@]}" env DISPLAY="$display" import -window root "$PICTURES/$1.png"
}
