#!/bin/sh
# For cron: uploads what waits, and says only what a person has to know.
smok --config "$1" run --once --quiet
status=$?
case $status in
    0) ;;                                       # everything was delivered
    5) echo "something still waits; the next run tries again" ;;
    7) echo "another process uploads already" ;;
    *) echo "this does not mend itself ($status): smok check" ;;  # configuration, plugin, certificate
esac
exit $status
