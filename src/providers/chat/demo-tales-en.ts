// The demo writer's English.
import type { DemoLanguage } from './demo-language.ts';

export const demoEnglish: DemoLanguage = {
  tales: [
    {
      title: 'the Harbour of Paper Boats',
      guide: 'the tin heron',
      wonder:
        'In the harbour below the hill every boat was folded from paper. One morning all of them had turned their bows away from the sea, and nobody could say why.',
      meet: 'On the last post of the pier stood a tin heron, one leg tucked up, counting the waves.',
      clue: 'Boats are like letters. They go where someone is waiting.',
      obstacle: 'But the tide had locked the old pier gate, and the key lay somewhere under the water.',
      find: 'Under the last plank hung a bell no bigger than a thimble, and on it was painted a small blue door.',
      solve:
        '{hero} rang the bell three times, softly, as you knock when a baby is sleeping. Far out on the water another bell answered.',
      end: 'One after another the paper boats turned round, and the wind carried them to an island where somebody had waited a long time for post.',
    },
    {
      title: 'the Moon’s Missing Lamp',
      guide: 'the sleepy owl',
      wonder:
        'One evening the moon came up without her light. She hung over the roofs like a plain white plate, and the cats did not know when to begin singing.',
      meet: 'In the chimney of the tallest house sat an owl who could hardly keep her eyes open.',
      clue: 'She lent her lamp to someone small. Look where it is warm.',
      obstacle: 'But the ladder to the roof was short by exactly one step.',
      find: 'Behind the chimney a family of mice had put the lamp beside their youngest, who was ill and did not like the night.',
      solve:
        '{hero} gave the little mouse a candle and a promise to come back tomorrow, and carried the lamp up the ladder in both hands.',
      end: 'The moon took her lamp, thought for a while, and left one thin ray behind for the mice. You can still see it on clear nights.',
    },
    {
      title: 'the Library of Flying Words',
      guide: 'the bookworm',
      wonder:
        'In the library on Plum Street somebody had left a window open. By morning the words had flown out of all the books, and the pages were as white as bread.',
      meet: 'On the lowest shelf a bookworm in round glasses was trying to read a blank page.',
      clue: 'Words do not run away. They only follow the best story.',
      obstacle:
        'But the words sat high up in the lime tree and twittered so loudly that nobody could hear a whole sentence.',
      find: 'Between the roots lay one word that had not learned to fly. It was the word “once”.',
      solve:
        '{hero} sat down under the tree and said “once” out loud, and then “there was”, and went on telling until it was almost dark.',
      end: 'Word by word they fluttered down and found their places again. Only “hurry” never came back, and no one in the library missed it.',
    },
    {
      title: 'the Forest That Lost Its Echo',
      guide: 'the old badger',
      wonder:
        'In the forest behind the mill the echo had stopped answering. Whoever called got nothing back but silence and a few surprised leaves.',
      meet: 'By the stream an old badger was sweeping his step, and he put a finger to his lips.',
      clue: 'It is not gone. It is tired of people who only shout.',
      obstacle:
        'But the path to the echo’s cave was grown over with brambles that closed at every loud word.',
      find: 'Deep in the cave sat the echo, as small as a wren, with its wings over its ears.',
      solve:
        '{hero} did not call at all, but whispered, “How was your day?” and waited, and really waited, for the answer.',
      end: 'The echo talked until the stars were out. Since then it has answered everyone in the forest, and those who ask it something kind are answered twice.',
    },
    {
      title: 'the Snow That Would Not Fall',
      guide: 'the snow hare',
      wonder:
        'In the village under the white mountain it was winter, and yet no snow came. The sledges stood in a row and looked at the sky.',
      meet: 'At the edge of the village a snow hare was packing a very small suitcase.',
      clue: 'The first flake is shy. Without her the others will not jump.',
      obstacle: 'But the cloud stood so high that even the church tower only tickled its belly.',
      find: 'At the very top of the tower, on the weathercock’s tail, sat the first flake and held on tight.',
      solve: '{hero} held out a hand and said, “You need not jump far. Only to here.”',
      end: 'The first flake let go. Behind her came a second, a third, and then so many that the whole village laughed out loud in its sleep.',
    },
    {
      title: 'the Clockwork Bird',
      guide: 'the screwdriver mouse',
      wonder:
        'In a workshop full of cogs lived a clockwork bird that could sing every tune but its own. That one it had forgotten, and so it did not sing at all.',
      meet: 'Out of the toolbox climbed a mouse with a screwdriver on her back.',
      clue: 'Nothing in it is broken. A song like that has to be found, not repaired.',
      obstacle: 'But the bird’s little door had rusted shut, and every key in the house was too big.',
      find: 'Behind the smallest cog lay a rolled-up scrap of paper with a single note on it, drawn by a child.',
      solve:
        '{hero} hummed the note. It was a little crooked, and the bird put its head on one side and hummed the next.',
      end: 'By evening they had the whole song. It squeaked in the middle, and that was the place everyone liked best.',
    },
    {
      title: 'the Bakery of Light Things',
      guide: 'the cat in the apron',
      wonder:
        'In the bakery at the corner the bread had risen, and gone on rising. Rolls hung under the ceiling like little clouds, and a plaited loaf had just left by the window.',
      meet: 'On the flour sack sat a cat in an apron, not surprised in the least.',
      clue: 'Someone stirred a wish into the dough. Find out whose, and it will come down.',
      obstacle: 'But the shop was full of hungry people, and all of them talked at the same time.',
      find: 'In the baking bowl stuck a wooden spoon, and in its handle a small name was carved: that of the baker’s youngest.',
      solve: '{hero} asked the child, who whispered the wish: to be as tall as the others, only once.',
      end: 'So they lifted the child up to the ceiling, to pick the rolls one by one. The bread came down, and from up there, it turned out, one can see as far as the sea.',
    },
    {
      title: 'the Shepherd of the Clouds',
      guide: 'the mountain goat',
      wonder:
        'High on the mountain lived a shepherd who looked after the clouds. Today she had a cold, and the clouds were wandering wherever they liked, even into people’s kitchens.',
      meet: 'On a ledge as narrow as a ruler stood a goat, chewing and watching.',
      clue: 'Do not chase them. Clouds come to whoever stands still.',
      obstacle: 'But the smallest cloud had slipped into a cave and rained there for fear.',
      find: 'At the back of the cave glimmered a puddle, and in the puddle the cloud saw how small it was.',
      solve:
        '{hero} sat down beside it in the wet, told it about puddles that had become lakes, and did not mind the rain.',
      end: 'When they came out, all the other clouds were waiting in a row. That evening the sky was combed so neatly that the sun took twice as long to go down.',
    },
    {
      title: 'the Night Train to Nowhere Yet',
      guide: 'the conductor hedgehog',
      wonder:
        'Behind the gardens, where no rails lay, a train stopped in the night. Its windows were lit, and on the sign at the front there was no name.',
      meet: 'A hedgehog in a blue cap leaned out and punched a hole in a maple leaf.',
      clue: 'We go where somebody knows the way. Tonight nobody does. Do you?',
      obstacle: 'But after the third bend the rails simply ended, at a meadow full of fog.',
      find: 'In the fog stood a signpost without arms. At its foot lay a piece of chalk.',
      solve:
        '{hero} took the chalk and drew two lines, straight on through the wet grass, and wrote a name at the end of them.',
      end: 'The train followed, carriage by carriage. When the sun rose it stood before the very place {hero} had wished for, and the sign at the front now knew it too.',
    },
    {
      title: 'the Garden That Woke at Night',
      guide: 'the gardener snail',
      wonder:
        'Behind the grey house was a garden in which nothing grew by day. But at night, when everyone slept, there was a rustling in it and a smell of oranges.',
      meet: 'On the watering can a snail was waiting, with a tiny rake.',
      clue: 'It is not a lazy garden. It is only afraid of being stared at.',
      obstacle: 'But the biggest bud of all would not open, however kindly one looked away.',
      find: 'Under a leaf lay a note from long ago: “I shall bloom when somebody stays.”',
      solve:
        '{hero} spread a blanket on the grass, lay down beside the bud and stayed, till the birds began.',
      end: 'In the first light the bud opened. Since then the garden blooms by day as well, and there is always a blanket over the bench for guests.',
    },
    {
      title: 'the Painting with the Open Door',
      guide: 'the brush-tailed squirrel',
      wonder:
        'In the town museum hung a picture of a yellow house. Yesterday its door had been shut. Today it stood ajar, and in front of the frame there was sand on the floor.',
      meet: 'A squirrel with paint on its tail peeped out from behind the frame.',
      clue: 'All the colours are still here. Only blue has gone for a walk.',
      obstacle:
        'But without blue there was no sky in the picture and no water, and one could not cross the river of bare canvas.',
      find: 'On the far bank sat blue, and it was sad, because everyone always painted with it and no one had ever asked what it would like to be.',
      solve: '{hero} asked. And blue, after thinking for a long time, said, “For once, a bicycle.”',
      end: 'If you look closely you will find it now beside the yellow house: a small blue bicycle. The sky is blue again too, but on Sundays a little paler.',
    },
    {
      title: 'the Well of Fallen Stars',
      guide: 'the firefly',
      wonder:
        'Outside the last village there is a well. For three nights stars had been missing from the sky, and for three nights there had been a shimmering at its bottom.',
      meet: 'A firefly circled over the rim, dazzled by so many relations.',
      clue: 'They came down to drink, and now they are too heavy to go home.',
      obstacle: 'But the bucket leaked, and with every pull the starlight ran out through the boards.',
      find: 'Beside the well, in the grass, lay an umbrella that someone had forgotten last summer.',
      solve:
        '{hero} opened the umbrella, turned it upside down, and lifted the stars out one by one to dry in the wind.',
      end: 'Light as dandelion seeds they floated up. One was missing at the end; it had stayed behind in the umbrella, and for good reading nights it is there still.',
    },
    {
      title: 'the River That Ran Backwards',
      guide: 'the otter',
      wonder:
        'On Tuesday the river had turned round. It flowed uphill, past astonished ducks, and took along everything that it had ever carried away.',
      meet: 'An otter drifted by on his back, reading a newspaper from last year.',
      clue: 'It has forgotten something at the spring. You know how that is.',
      obstacle:
        'But above the mill lay a dam of old shoes, hats and umbrellas, and there the water could go no further.',
      find: 'Right at the bottom of the pile shone a round white pebble, the very first that the river had ever polished.',
      solve: '{hero} carried the pebble up to the spring and laid it where the water comes out of the moss.',
      end: 'The river gave a sigh that one could hear down in the valley. Then it turned, quite calmly, and has known its way ever since.',
    },
    {
      title: 'the Wind Without a Voice',
      guide: 'the red kite',
      wonder:
        'That autumn the wind had lost its voice. It still blew, but without a sound: leaves danced silently, and the shutters banged like cotton wool.',
      meet: 'A red kite had caught in the poplar and waved with its tail.',
      clue: 'It wanted to sing as high as a flute. Then something cracked.',
      obstacle:
        'But the flute was lying on the church roof, and whoever called up there was heard by no one.',
      find: 'In the flute, quite crumpled, sat the wind’s voice and was ashamed of a wrong note.',
      solve:
        '{hero} took the flute and played, very badly and very cheerfully, one wrong note after another.',
      end: 'Then the voice laughed, and there it was again: in the chimney, in the keyholes, in the long grass. And sometimes, on purpose, it sings a little out of tune.',
    },
    {
      title: 'the Island That Went Wandering',
      guide: 'the young gull',
      wonder:
        'On the map the island lay in the south. But when {hero} looked out that morning, it was lying directly off the beach and smoking from one small chimney.',
      meet: 'A young gull landed on the rail, quite out of breath.',
      clue: 'It is no island. It is a turtle, and she is looking for somebody.',
      obstacle: 'But the turtle swam so slowly and slept so deeply that no shout woke her.',
      find: 'Behind her left ear grew a little garden, and in it lay a shell that was still warm.',
      solve:
        '{hero} held the shell to the turtle’s ear, and in it one could hear a very small turtle calling.',
      end: 'Now she knew the way. On the map there are two islands in the south today, a large one and a tiny one, and both go for a walk in spring.',
    },
    {
      title: 'the Hour That Went Missing',
      guide: 'the tower pigeon',
      wonder:
        'In the old town the clock struck four, and then six. Five o’clock was gone, and with it tea, and the time in which one does nothing at all.',
      meet: 'In the belfry a pigeon was sorting seconds into matchboxes.',
      clue: 'Nobody stole it. They were all in such a hurry that it fell down.',
      obstacle:
        'But in the square below everyone was running so fast that one could not look for anything on the ground.',
      find: 'Under the bench by the fountain lay the hour, a bit trodden on and no larger than a plum.',
      solve:
        '{hero} sat down on the bench and did nothing. One person after another stopped to ask what was the matter, and stayed.',
      end: 'When the whole square was sitting, the clock struck five. Since then there is a sign on the bench: “Please take your time. It was found here.”',
    },
    {
      title: 'the Dragon Who Had a Cold',
      guide: 'the kitchen bat',
      wonder:
        'In the castle kitchen a dragon lights the stove every morning. Today he only sneezed, and out came soap bubbles.',
      meet: 'Upside down on the soup ladle hung a bat with a notepad.',
      clue: 'His fire is not out. It has only got a fright.',
      obstacle: 'But the dragon had crept under the great stairs and let nobody look into his throat.',
      find: 'Right at the back, between two teeth, sat a spark, trembling like a leaf. It had heard the cook say that dragons were old-fashioned.',
      solve:
        '{hero} told the spark about all the things that only taste good because of it: toast, roast apples, cocoa after the rain.',
      end: 'The spark grew red with joy. The stove roared, the kettle danced, and the cook, who was sorry, baked a cake in the shape of a dragon.',
    },
    {
      title: 'the Market of Lost Things',
      guide: 'the magpie',
      wonder:
        'Once a year, when the fog is thick, there is a market for lost things: single gloves, forgotten names, the last piece of every puzzle. This time one stall was empty, and its owner was crying.',
      meet: 'A magpie at the next stall pushed a handkerchief across.',
      clue: 'He has lost the thing that he was keeping for someone else.',
      obstacle: 'But in the fog all the alleys looked alike, and the lamps kept changing places.',
      find: 'In the third alley, on a doorstep, sat a little tune without a song, and it was freezing.',
      solve:
        '{hero} hummed it, so as not to forget it, all the way back, past every stall, without once stopping.',
      end: 'The old man knew it at the first note. “My mother’s,” he said. And as he sang, the fog lifted, and everyone found the way home.',
    },
    {
      title: 'the Piano with the Missing Note',
      guide: 'the spider in the strings',
      wonder:
        'In the school hall stood a piano that lacked one note. Just where every song becomes beautiful, it only went “plop”.',
      meet: 'Between the strings lived a spider who knew all the songs by heart.',
      clue: 'It went out to find someone who has never sung.',
      obstacle: 'But in the schoolyard there was such a noise that one could not have found even a trumpet.',
      find: 'Behind the bicycle shed sat a quiet child, and on the child’s shoulder the note, as light as a feather.',
      solve:
        '{hero} did not ask the child to sing, but only sat down and hummed, and left a gap just large enough for one note.',
      end: 'And into the gap, very softly, the child sang. The note flew back into the piano, but it comes out to visit at every break.',
    },
    {
      title: 'the Street of Firefly Lanterns',
      guide: 'the lamplighter toad',
      wonder:
        'In Willow Street the lanterns are lit by fireflies. One evening they stayed dark, all of them, and the street held its breath.',
      meet: 'A toad with a long pole was sitting on the kerb beside his ladder.',
      clue: 'They are not angry. They are afraid of the dark.',
      obstacle:
        'But at the end of the street the darkness lay as thick as velvet, and every step sounded as if it belonged to someone else.',
      find: 'Within the velvet one could see, once the eyes had got used to it, thousands of very small things: a moth, a silver thread, a sleeping snail.',
      solve:
        '{hero} took the smallest firefly by the wing and showed it, one thing after another, what only the dark can show.',
      end: 'Lantern by lantern the street lit up. But since then there is one hour when the fireflies put themselves out, on purpose, so that everyone may look.',
    },
  ],
  heroes: ['Pip', 'Juno', 'Wren', 'Milo', 'Tess', 'Robin', 'Ada', 'Finn'],
  titles: ['{hero} and {title}', '{title}: a Story About {hero}', 'How {hero} Came to {title}'],
  ideaNouns: [
    'Somebody wished for a story: {idea}. Here it is.',
    'Once upon a time, on a day like any other: {idea}. It began like this.',
    'If anyone ever asks you for a story, tell them this one: {idea}.',
  ],
  ideaQuotes: [
    'It all began with one thought: “{idea}.”',
    'Somebody had written on a slip of paper: “{idea}.” And so it began.',
  ],
  noIdea: [
    'This is a story for a quiet hour.',
    'Some stories begin with a knock. This one began with a surprise.',
  ],
  naming: [
    'The one to remember is {hero}.',
    '{hero} is the name that matters here.',
    'In the middle of it all is {hero}.',
  ],
  summaries: [
    '{idea}: in this version the way leads to {title}.',
    '{idea}, and how it all led to {title}. A gentle adventure with a good end.',
  ],
  speaking: [
    '{Guide} thought it over. “{clue}”',
    '“{clue}” More than that {guide} would not say.',
    '{Guide} looked to the left, looked to the right, and whispered: “{clue}”',
  ],
  senses: [
    'The air smelled of rain and warm stone.',
    'Somewhere a window was closed, very softly.',
    'It was so quiet that one could hear the grass grow.',
    'A light wind turned over a leaf to see what was underneath.',
    'Far away a dog barked twice and thought better of it.',
    'The sky had the colour of the inside of a shell.',
    'Everything glittered a little, as it does just after waking.',
    'A beetle crossed the path and had the right of way.',
  ],
  feelings: [
    '{hero} swallowed once and stood up very straight.',
    '{hero}’s heart beat fast, but in the right direction.',
    'It takes some courage just to stay where you are, and {hero} stayed.',
    '{hero} was a little afraid, and went on all the same.',
    '{hero} took a deep breath and counted to four.',
  ],
  topics: [
    'And all the while {hero} was thinking of one thing: {topic}.',
    'One thing would not leave {hero}’s mind: {topic}.',
  ],
  hooks: [
    'What would you do?',
    'And now?',
    '{hero} looked around. There was more than one way to go on.',
    'It was time to decide.',
    'Which way should the story go?',
  ],
  closings: [
    '{hero} went home slowly, because a good day should not be rushed. And that is the end.',
    'That night {hero} slept deeply and well. And if you are still awake: good night.',
    'And when {hero} tells of it today, it always ends with the same words: “And then we all had pancakes.”',
    '{hero} waved until there was nothing left to see, and then a little longer.',
    'And {hero}? {hero} smiled, and kept a small piece of that day for ever.',
  ],
  ownChoice: 'So it was decided: {choice}.',
  choices: {
    open: [
      { label: 'Go and look at once', leads: '{hero} went at once, before courage could grow cold.' },
      {
        label: 'Ask someone who was there',
        leads: '{hero} asked from door to door, until someone pointed the way.',
      },
      {
        label: 'Pack a lantern and a sandwich',
        leads: 'With a lantern and a sandwich one can go a long way, and {hero} did.',
      },
      {
        label: 'Keep quite still and listen',
        leads: '{hero} kept still, and after a while the silence began to point in one direction.',
      },
      {
        label: 'Wake a friend',
        leads:
          '{hero} threw a pebble at a friend’s window, but only a yawn came back. So it had to be done alone.',
      },
    ],
    meet: [
      { label: 'Trust the advice', leads: '{hero} decided to trust {guide}, and together they set out.' },
      {
        label: 'Ask one more question',
        leads: '{hero} asked one more question. {Guide} only smiled and led the way.',
      },
      {
        label: 'Share the sandwich first',
        leads: 'First they shared what there was to eat, for on a full stomach every path is shorter.',
      },
      {
        label: 'Try a path of your own',
        leads:
          '{hero} tried another path, got lost, and was found again by {guide}, who said nothing about it.',
      },
      {
        label: 'Write the clue down',
        leads: '{hero} wrote the words on the back of a hand, so as not to lose them, and {guide} nodded.',
      },
    ],
    road: [
      { label: 'Go on quickly', leads: 'They went on quickly, as long as the light was good.' },
      { label: 'Rest for a moment', leads: 'They rested for exactly as long as it takes to eat an apple.' },
      {
        label: 'Take the narrow path',
        leads: 'They took the narrow path, the one that looks as if it were thinking.',
      },
      {
        label: 'Say thank you and wave',
        leads: 'They said thank you and waved, and the waving kept them warm for a long time.',
      },
      {
        label: 'Sing against the silence',
        leads: 'They sang the one song they both knew, all three verses of it.',
      },
    ],
    block: [
      { label: 'Be patient', leads: '{hero} waited. Waiting is slow work, but it gets a lot done.' },
      {
        label: 'Look for a small way round',
        leads: 'There is almost always a small way round, and {hero} found it on hands and knees.',
      },
      {
        label: 'Ask for help out loud',
        leads: '“Can somebody help?” called {hero}. And somebody could, as nearly always.',
      },
      {
        label: 'Try it the other way round',
        leads: '{hero} tried everything the other way round, and the third time it worked.',
      },
      {
        label: 'Make a joke',
        leads: '{hero} told a joke, not even a good one. But everything was easier after the laughing.',
      },
    ],
    find: [
      {
        label: 'Take it carefully in both hands',
        leads: '{hero} reached out with both hands, as one picks up something that is breathing.',
      },
      {
        label: 'First ask what it needs',
        leads: '“What do you need?” asked {hero}, and the question was already half the help.',
      },
      {
        label: 'Call the others',
        leads: '{hero} called the others, since some things are too beautiful for one alone.',
      },
      {
        label: 'Sit down beside it',
        leads: '{hero} sat down, very quietly, and let the moment come closer by itself.',
      },
    ],
  },
  episodes: [
    {
      title: 'The bridge of planks',
      text: 'They came to a bridge that had exactly one plank too few. {hero} laid the lid of a biscuit tin across the gap. It rattled, but it held, and the bridge creaked its thanks.',
    },
    {
      title: 'Tea with the giant',
      text: 'Under an oak sat a giant with a tiny teapot. He had been waiting for visitors for a hundred years, and the tea was still warm. “I blow on it the wrong way,” he explained.',
    },
    {
      title: 'Rain on one side',
      text: 'On the left of the road it rained, on the right the sun was shining. {hero} walked exactly in the middle, with one wet sleeve and one dry one, and a rainbow came along for a bit.',
    },
    {
      title: 'The button seller',
      text: 'A woman was selling buttons that could do something: one for courage, one for sleep, one that only buttoned. {hero} chose the last, because one can always use it.',
    },
    {
      title: 'The stone that wished to travel',
      text: 'In the middle of the road lay a stone that had always wanted to see the world. {hero} put it into a pocket. “Oh,” it said after ten steps, “it is even larger than I thought.”',
    },
    {
      title: 'A bed of moss',
      text: 'When it got late they lay down in the moss. Above them the branches had left a hole, just as large as one star, and the star had noticed.',
    },
    {
      title: 'The ferry snail',
      text: 'A snail took them across the brook, one at a time and with great dignity. It took all afternoon. Nobody could remember ever having crossed a brook so thoroughly.',
    },
    {
      title: 'The echo’s cousin',
      text: 'From a hollow tree someone repeated every last word, but politer. “Go away?” asked {hero}. “Go a way, please,” it said. So they did, and it was the right one.',
    },
    {
      title: 'The lost mitten',
      text: 'A red mitten sat on a fence post and was looking for its twin. Two fields further on they found it, on another post. Now both wave whenever somebody passes.',
    },
  ],
  pageTitles: {
    open: ['Something is different', 'The beginning'],
    meet: ['A new friend', 'Good advice'],
    block: ['No way through', 'The hard part'],
    find: ['A discovery', 'Found'],
    end: ['All is well', 'Home again'],
  },
  looks: [
    'with a red scarf and bright, curious eyes',
    'in a yellow raincoat that is a little too big',
    'with a green cap and a patched satchel',
    'with a blue jumper and one sock slipping down',
  ],
  guideLook: 'small and friendly, always close by',
  style: 'children’s picture book illustration, soft watercolour, warm light, no text',
  altText: 'Illustration: {scene}',
  space: ' ',
};
