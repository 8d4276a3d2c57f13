# bash completion for duewatch. The program knows its commands, orders, fields and people: it is asked.
# `duewatch --complete WORD…` gets the words after the program's name up to the one being typed (which may be empty),
# and prints what may stand in its place, one a line.
_duewatch()
{
	local line=${COMP_LINE:0:COMP_POINT} cur lead answer
	local -a words
	# not COMP_WORDS: readline cuts FIELD=VALUE in three
	read -r -a words <<<"$line"
	[[ $line == *[[:space:]] ]] && words+=("")
	cur=${words[-1]}
	lead=${cur%"${cur##*[=:]}"}
	COMPREPLY=()
	while IFS= read -r answer; do
		[[ $answer == "$cur"* ]] && COMPREPLY+=("${answer#"$lead"}")
	done < <("${words[0]}" --complete "${words[@]:1}" 2>/dev/null)
	# FIELD= waits for its value
	[[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == *= ]] && compopt -o nospace
	return 0
}
complete -o bashdefault -F _duewatch duewatch
